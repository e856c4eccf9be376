"""Parts of streams that are wrong, or look so: lines, fields, framings, chunk sizes, bytes."""

from tests.support.framing import BAD_CHUNKS, BAD_HEADS, CHUNKED

ODD_LINES = (
    *(b"get / HTTP/1.1", b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b" GET / HTTP/1.1", b"GET /"),
    *(
        b"GET\t/\tHTTP/1.1",
        b"GET / HTTP/1.2",
        b"GET / HTTP/2.0",
        b"GET / HTTP/0.9",
        b"GET / http/1.1",
    ),
    *(
        b"GET / HTTP/1.10",
        b"GET / HTTP/11",
        b"GET / HTTPS/1.1",
        b"GET HTTP/1.1",
        b"/ HTTP/1.1",
        b"",
    ),
    *(
        b"GE / HTTP/1.1",
        b"G\0T / HTTP/1.1",
        b"GET /\0 HTTP/1.1",
        b"GET /\xe9 HTTP/1.1",
        b"GET * HTTP/1.1",
    ),
    *(
        b"GET x:80 HTTP/1.1",
        b"GET http:/// HTTP/1.1",
        b"GET :// HTTP/1.1",
        b"GET http://[ HTTP/1.1",
    ),
    *(b"CONNECT x:80 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET //[/ HTTP/1.1", b"GET /a b HTTP/1.1"),
    *(b"GET http://u:p@x:99999/ HTTP/1.1", b"GET /" + b"a" * 4080 + b" HTTP/1.1"),
    *(b"GET /" + b"a" * 4081 + b" HTTP/1.1", b"GET /" + b"a" * 9000 + b" HTTP/1.1"),
    *(
        b"A" * 21 + b" / HTTP/1.1",
        b"POST /predictUnstructured/?n=9 HTTP/1.1\r",
        b"\r\nGET / HTTP/1.1",
    ),
)

ODD_FIELDS = (
    *(
        b"no colon",
        b": no name",
        b"A : b",
        b" A: b",
        b"\tA: b",
        b"A: b\r\n c",
        b"A: b\r\n\tc",
        b"A:",
    ),
    *(
        b"A: b\nB: c",
        b"A: b\rB: c",
        b"A: \0",
        b"A: \x7f",
        b"A: \x0b",
        b"A\0: b",
        b"A\xe9: b",
        b'"A": b',
    ),
    *(
        b"Host: y",
        b"host: x",
        b"Expect: 100-continue",
        b"Expect: 200-maybe",
        b"Expect: 100-Continue",
    ),
    *(
        b"Expect: 100-continue, 100-continue",
        b"Expect:",
        b"Connection: close",
        b"Connection: keep-alive",
    ),
    *(b"Connection: close, x", b"Connection: x, close", b"Connection: upgrade", b"Upgrade: h2c"),
    *(b"Connection: CLOSE", b"Proxy-Connection: close", b"Keep-Alive: timeout=1", b"Connection:"),
    *(
        b"SCRIPT_NAME: /x",
        b"SCRIPT_NAME: ",
        b"PATH_INFO: /x",
        b"REMOTE_USER: x",
        b"Content_Length: 9",
    ),
    *(
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Proto: http",
        b"X-Forwarded-Ssl: on",
        b"Forwarded: a",
    ),
    *(b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off", b"X-Forwarded-For: 1.2.3.4"),
    *(
        b"Content-Type: a\r\nContent-Type: b",
        b"A: " + b"b" * 8185,
        b"A: " + b"b" * 8186,
        b"A: b\r\n" * 40,
    ),
    *(
        b"A: b\r\n" * 99 + b"A: b",
        b"Trailer: X",
        b"TE: trailers",
        b"Content-Encoding: gzip",
        b"A: b\r",
    ),
    *(
        b"Transfer-Encoding: chunked",
        b"Content-Length: 0",
        b"Content-Length: 3",
        b"Transfer_Encoding: chunked",
    ),
)


def _lines(*values: bytes, name: bytes = b"Content-Length: ") -> tuple[tuple[bytes, ...], ...]:
    return tuple((name + value,) for value in values)


ODD_FRAMINGS = (
    *_lines(
        b"3", b"0", b"", b"+3", b"-3", b"-0", b"3.0", b"3,3", b"3, 3", b"0x3", b"1e1", b"3 4", b"3;"
    ),
    *_lines(
        b"\xb3", b"\xbd", b"03", b"9" * 19, b"9" * 5000, b"1_0", b"3\t", b"\x0b3", b"3\0", b"abc"
    ),
    *_lines(b"65535", b"65536", b"65537", b"131072", b"131073", b"999999", b"1000001"),
    *_lines(
        *(b"identity", b"gzip", b"xchunked", b"chunked, chunked", b"chunked, identity", b"", b","),
        *(
            b"gzip, chunked",
            b"chunked, gzip",
            b"chunked;q=1",
            b'"chunked"',
            b"\x0bchunked",
            b"chunked,",
        ),
        *(
            b",chunked",
            b"chunked\0",
            b"chunk\xe9d",
            b"deflate, chunked",
            b"br, chunked",
            b"chunked chunked",
        ),
        *(b"\r\n chunked", b"identity\r\n , chunked", b"chunked\r\n ", b"trailers", b"Chunked "),
        name=b"Transfer-Encoding: ",
    ),
    (b"Content-Length: 3", b"Content-Length: 3"),
    (b"Content-Length: 3", b"Content-Length: 4"),
    (b"Content-Length: 3", b"Transfer-Encoding: chunked"),
    (b"Transfer-Encoding: chunked", b"Content-Length: 3"),
    (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    (b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
    (b"Transfer-Encoding: identity", b"Content-Length: 3"),
    (b"Transfer-Encoding : chunked",),
    (b"Content-Length : 3",),
    (b"Transfer-Encoding\t: chunked", b"Content-Length: 3"),
    (b"Transfer_Encoding: chunked", b"Content-Length: 3"),
    (b"Content_Length: 300", b"Content-Length: 3"),
    (b"X: y\nContent-Length: 3",),
    (b"X: y\rTransfer-Encoding: chunked",),
    (b"Content-Length: 3", b"Expect: 100-continue"),
    (b"Transfer-Encoding: chunked", b"Expect: 100-continue"),
)

ODD_SIZES = (
    *(
        b"0x#\r\n",
        b"+#\r\n",
        b"-#\r\n",
        b" #\r\n",
        b"# \r\n",
        b"#\t\r\n",
        b"#\n",
        b"#\r",
        b"\r\n",
        b";\r\n",
    ),
    *(
        b"#;\r\n",
        b"#;a\nb\r\n",
        b"#;a\rb\r\n",
        b'#;a="\r\n',
        b'#;a="\n"\r\n',
        b"#;;\r\n",
        b"#;a=\r\n",
    ),
    *(
        b"#;=a\r\n",
        b"#;a b\r\n",
        b"#a\r\n",
        b"0#\r\n",
        b"#0\r\n",
        b"1#\r\n",
        b"#,a\r\n",
        b"#;\0\r\n",
    ),
    *(b"#" * 3 + b"\r\n", b"f" * 16 + b"#\r\n", b"0" * 16 + b"#\r\n", b"1" + b"0" * 16 + b"#\r\n"),
    *(
        b"#;" + b"a" * 8180 + b"\r\n",
        b"#;" + b"a" * 8200 + b"\r\n",
        b"#\r\r\n",
        b"#\r\n\r\n",
        b"#\x0b\r\n",
    ),
    *(
        b"A: b\r\n",
        b"A: b\n",
        b" A: b\r\n",
        b"Host: x\r\n",
        b"Content-Length: 3\r\n",
        b"A\r\n",
        b": b\r\n",
    ),
    *(b"#\xb2\r\n", b"\xef\xbc\x93#\r\n", b"#_0\r\n", b'#;a="b\\\r\n"\r\n', b"#; a = b ; c\r\n"),
)

ODD_BYTES = (
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\r",
        b"\r\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"",
        b" ",
        b"\t",
        b"\0",
        b"\x0b",
    ),
    *(
        b":",
        b";",
        b",",
        b"0",
        b"1",
        b"f",
        b"-",
        b"+",
        b"_",
        b"=",
        b'"',
        b"\\",
        b"\x7f",
        b"\x80",
        b"\xff",
    ),
    *(
        b"/",
        b"?",
        b"#",
        b"%",
        b"HTTP/1.1",
        b"chunked",
        b"Content-Length: 5\r\n",
        b"0\r\n\r\n",
        b"x",
    ),
)

WHOLES = (
    *(
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ),
    *(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"\r\n\r\n", b"\r\n", b"\n", b"\r", b" ", b"\0" * 300),
    *(b"GET /\r\n", b"GET /\n", b"SSH-2.0-x\r\n", b"*1\r\n$4\r\nPING\r\n", b"\r\n\r\n\0\r\nQUIT\n"),
    *(
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ),
    *BAD_HEADS.values(),
    *(CHUNKED + body for body in BAD_CHUNKS.values()),
)
"""Streams that are odd as a whole."""
