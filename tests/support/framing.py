"""Streams of requests with bodies in chunks: such as they should be, and such as they should not.

Each is followed by a request that is only a request if the chunks before it have come to an end.
"""

from types import MappingProxyType

PATH = b"/predictUnstructured/?n=%d"
HEAD = (
    b"POST " + PATH + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
)
CHUNKED = HEAD % 1 + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = HEAD % 2 + b"Content-Length: 3\r\n\r\nend"
END = b"0\r\n\r\n"


def framed(fields: bytes, body: bytes = b"3\r\nabc\r\n" + END, version: bytes = b"1.1") -> bytes:
    """Return a request with header fields of its own."""
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/" + version) % 1
    return head + fields + b"\r\n\r\n" + body


GOOD_CHUNKS = MappingProxyType(
    {
        "one": b"3\r\nabc\r\n" + END,
        "none": END,
        "two": b"3\r\nabc\r\n2\r\nde\r\n" + END,
        "upper case": b"A\r\n0123456789\r\n" + END,
        "lower case": b"a\r\n0123456789\r\n" + END,
        "leading zeros": b"0003\r\nabc\r\n000\r\n\r\n",
        "extension": b"3;a\r\nabc\r\n" + END,
        "extension with a value": b"3;a=b;c\r\nabc\r\n0;d=e\r\n\r\n",
        "extension in quotes": b'3;a="b;c \\" d"\r\nabc\r\n' + END,
        "blanks before an extension": b"3 \t;a\r\nabc\r\n" + END,
        "a trailer": b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
        "trailers": b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
        "line ends as data": b"4\r\n\r\n\r\n\r\n" + END,
        "a request as data": b"%x\r\n%b\r\n" % (len(NEXT), NEXT) + END,
    }
)

BAD_CHUNKS = MappingProxyType(
    {
        "0x": b"0x3\r\nabc\r\n" + END,
        "plus": b"+3\r\nabc\r\n" + END,
        "negative": b"-3\r\nabc\r\n" + END,
        "negative zero": b"-0\r\n\r\n",
        "trailing blank": b"3 \r\nabc\r\n" + END,
        "trailing tab": b"3\t\r\nabc\r\n" + END,
        "leading blank": b" 3\r\nabc\r\n" + END,
        "underscore": b"1_0\r\n0123456789abcdef\r\n" + END,
        "empty size": b"\r\nabc\r\n" + END,
        "only an extension": b";a\r\nabc\r\n" + END,
        "no hex": b"g\r\nabc\r\n" + END,
        "a wide digit": b"\xef\xbc\x93\r\nabc\r\n" + END,
        "a superscript": b"\xb3\r\nabc\r\n" + END,
        "huge": b"ffffffffffffffffff\r\nabc\r\n" + END,
        "2^64": b"10000000000000003\r\nabc\r\n" + END,
        "bare LF": b"3\nabc\n0\n\n",
        "bare LF behind a size": b"3\nabc\r\n" + END,
        "bare LF behind data": b"3\r\nabc\n" + END,
        "bare LF at the end": b"3\r\nabc\r\n0\n\n",
        "bare LF behind the last chunk": b"3\r\nabc\r\n0\r\n\n",
        "bare CR": b"3\rabc\r\n" + END,
        "LF in an extension": b"3;a\nb\r\nabc\r\n" + END,
        "CR in an extension": b"3;a\rb\r\nabc\r\n" + END,
        "LF in quotes": b'3;a="\n"\r\nabc\r\n' + END,
        "CR in quotes": b'3;a="\r"\r\nabc\r\n' + END,
        "NUL in an extension": b"3;a\0\r\nabc\r\n" + END,
        "quotes that do not end": b'3;a="b\r\nabc\r\n' + END,
        "an empty extension": b"3;\r\nabc\r\n" + END,
        "no CRLF behind data": b"3\r\nabc0\r\n\r\n",
        "more data than said": b"3\r\nabcd\r\n" + END,
        "less data than said": b"3\r\nab\r\n" + END,
        "an endless line": b"3;" + b"a" * 20_000 + b"\r\nabc\r\n" + END,
        "an endless line without an end": b"3;" + b"a" * 20_000,
        "endless zeros": b"0" * 20_000 + b"3\r\nabc\r\n" + END,
        "a trailer without a colon": b"3\r\nabc\r\n0\r\nX-Sum\r\n\r\n",
        "a trailer with a blank": b"3\r\nabc\r\n0\r\nX-Sum : 1\r\n\r\n",
        "a folded trailer": b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n 2\r\n\r\n",
        "a trailer with LF": b"3\r\nabc\r\n0\r\nX-Sum: 1\n\r\n\r\n",
        "trailers with LF only": b"3\r\nabc\r\n0\r\nX-Sum: 1\n\n",
        "a trailer with NUL": b"3\r\nabc\r\n0\r\nX-Sum: \0\r\n\r\n",
        "a length as a trailer": b"3\r\nabc\r\n0\r\nContent-Length: 1\r\n\r\n",
        "a framing as a trailer": b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "a host as a trailer": b"3\r\nabc\r\n0\r\nHost: y\r\n\r\n",
        "too many trailers": b"0\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n",
        "trailers without an end": b"0\r\n" + b"X-A: 1\r\n" * 20_000,
        "CR alone behind the last chunk": b"0\r\n\rX",
    }
)

GOOD_HEADS = MappingProxyType(
    {
        "upper case": framed(b"Transfer-Encoding: CHUNKED"),
        "name in lower case": framed(b"transfer-encoding: chunked"),
        "blanks": framed(b"Transfer-Encoding:  \tchunked \t"),
        "identity first": framed(b"Transfer-Encoding: identity, chunked"),
        "in two fields": framed(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
        "a length": framed(b"Content-Length: 3", b"abc"),
        "a length of nothing": framed(b"Content-Length: 0", b""),
        "leading zeros": framed(b"Content-Length: 003", b"abc"),
        "neither": framed(b"X-A: b", b""),
    }
)

BAD_HEADS = MappingProxyType(
    {
        "both": framed(b"Content-Length: 3\r\nTransfer-Encoding: chunked"),
        "both the other way": framed(b"Transfer-Encoding: chunked\r\nContent-Length: 3"),
        "gzip": framed(b"Transfer-Encoding: gzip, chunked"),
        "gzip in two fields": framed(b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
        "br": framed(b"Transfer-Encoding: br, chunked"),
        "only gzip": framed(b"Transfer-Encoding: gzip"),
        "chunked, gzip": framed(b"Transfer-Encoding: chunked, gzip"),
        "chunked twice": framed(b"Transfer-Encoding: chunked, chunked"),
        "chunked in two fields": framed(
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"
        ),
        "only identity": framed(b"Transfer-Encoding: identity", b"abc"),
        "identity and a length": framed(
            b"Transfer-Encoding: identity\r\nContent-Length: 3", b"abc"
        ),
        "chunked, identity": framed(b"Transfer-Encoding: chunked, identity"),
        "xchunked": framed(b"Transfer-Encoding: xchunked"),
        "quotes": framed(b'Transfer-Encoding: "chunked"'),
        "a parameter": framed(b"Transfer-Encoding: chunked;q=1"),
        "an empty framing": framed(b"Transfer-Encoding:"),
        "a comma": framed(b"Transfer-Encoding: ,chunked"),
        "a vertical tab": framed(b"Transfer-Encoding: \x0bchunked"),
        "a blank before the colon": framed(b"Transfer-Encoding : chunked"),
        "a folded framing": framed(b"Transfer-Encoding:\r\n chunked"),
        "HTTP/1.0": framed(b"Transfer-Encoding: chunked", version=b"1.0"),
        "two lengths": framed(b"Content-Length: 3\r\nContent-Length: 4", b"abc"),
        "one length twice": framed(b"Content-Length: 3\r\nContent-Length: 3", b"abc"),
        "a list of lengths": framed(b"Content-Length: 3, 3", b"abc"),
        "a signed length": framed(b"Content-Length: +3", b"abc"),
        "a negative length": framed(b"Content-Length: -3", b"abc"),
        "an empty length": framed(b"Content-Length:", b"abc"),
        "a length in hex": framed(b"Content-Length: 0x3", b"abc"),
        "a superscript length": framed(b"Content-Length: \xb3", b"abc"),
        "a very long length": framed(b"Content-Length: " + b"9" * 5000, b"abc"),
    }
)
"""Also such as gunicorn reads: what is in the chunks is compressed."""
