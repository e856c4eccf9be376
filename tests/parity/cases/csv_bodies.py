"""CSV bodies against a hook that tells the columns, dtypes and values it gets."""

from gzip import compress

from tests.parity.case import Case, Probe, ServerCase, files, post, upload_rows
from tests.parity.hooks import REPORT, REPORT_BINARY, REPORT_LABELS
from tests.parity.values import Request


def _csv(body: str | bytes) -> Request:
    return post("/predict/", body)


SAME: dict[str, str | bytes] = {
    "byte order mark": b"\xef\xbb\xbfa\n1\n",
    "header only": "a,b\n",
    "header only, one column": "a\n",
    "CRLF": "a,b\r\n1,2\r\n",
    "lone CR": "a,b\r1,2\r",
    "no final newline": "a,b\n1,2",
    "blank line, two columns": "a,b\n1,2\n\n3,4\n",
    "blank line, one column": "a\n1\n\n3\n",
    "blank lines, one column": "a\n1\n\n3\n\n",
    "leading blank line, two columns": "\na,b\n1,2\n",
    "line of blanks, two columns": "a,b\n1,2\n  \n3,4\n",
    "line of blanks, one column": "a\n1\n  \n3\n",
    "line of commas": "a,b\n1,2\n,\n3,4\n",
    "booleans": "a\nTrue\nfalse\nTRUE\n",
    "boolean and missing": "a,b\nTrue,1\n,2\n",
    "boolean and number": "a,b\nTrue,1\n1,2\n",
    "yes and no": "a,b\nyes,on\nno,off\n",
    "missing words": 'a,b\nNA,1\nnull,1\nNone,1\nN/A,1\nnan,1\n,1\n"NA",1\n#N/A,1\n<NA>,1\nx,1\n',
    "words that are not missing": "a,b\nna,1\n-,1\n",
    "infinities": "a,b\ninf,1\n-Inf,1\ninfinity,1\nINF,1\n",
    "integers and missing": "a,b\n1,2\n,3\n",
    "unsigned": "a\n9223372036854775808\n",
    "beyond 64 bits": "a\n18446744073709551616\n",
    "lowest integer": "a\n-9223372036854775808\n",
    "leading zeros": "a\n007\n",
    "hexadecimal": "a\n0x1f\n",
    "underscore": "a\n1_000\n",
    "thousands": 'a\n"1,000"\n',
    "percent": "a\n10%\n",
    "complex": "a\n1+2j\n",
    "overflow": "a\n1e400\n",
    "exact double": "a\n0.30000000000000004\n1.7976931348623157e308\n5e-324\n",
    "many digits": "a\n0.1234567890123456789012345\n123456789012345678.5\n",
    "blanks around numbers": "a,b\n 1, 2\n3 ,+4\n",
    "tab before a number": "a,b\n\t1,2\n",
    "blanks in text": " a ,b\n x ,1\n",
    "duplicate headers": "a,a,a\n1,2,3\n",
    "duplicate headers, one taken": "a,a.1,a\n1,2,3\n",
    "empty header": "a,,c\n1,2,3\n",
    "empty headers": ",,\n1,2,3\n",
    "numbers as headers": "1,2.5,True\n3,4,5\n",
    "quoted comma and newline": '"a,1",b\n"x\ny",2\n',
    "doubled quotes": 'a,b\n"say ""hi""",1\n',
    "quoted number": 'a,b\n"1",2\n',
    "quote inside a cell": 'a,b\nx"y,1\n',
    "single quotes": "a,b\n'x','1'\n",
    "semicolons": "a;b\n1;2\n",
    "tabs": "a\tb\n1\t2\n",
    "hash": "#x\n1\n",
    "hash line": "a,b\n#1,2\n",
    "dates": "a,b\n2020-01-01,2020-01-01T10:00:00Z\n",
    "emoji": "naïve,☃\n😀,é\n",
    "mixed text and numbers": "a\n1\nx\n2.5\n",
    "exponents": "a\n1e5\n1E-5\n1d5\n",
    "signs and dots": "a\n.5\n5.\n-.5\n",
    "decimal comma": 'a,b\n"1,5",2\n',
    "NUL": b"a,b\nx\x00y,1\n",
    "text that turns late": "a\n" + "1\n" * 200_000 + "x\n",
    "many columns": ",".join(f"c{i}" for i in range(300)) + "\n" + ",".join(["1.5"] * 300) + "\n",
}

DIFFERENT: dict[str, tuple[str | bytes, str]] = {
    "latin-1": (b"a\n\xe9\n", "D2"),
    "UTF-16": ("a\n1\n".encode("utf-16"), "D2"),
    "gzip magic": (b"\x1f\x8b\x08\x00abc", "D2"),
    "only a newline": ("\n", "D2"),
    "only blanks": ("   ", "D2"),
    "first row too long": ("a,b\n1,2,3\n", "D1"),
    "every row too long": ("a,b\n1,2,\n3,4,\n", "D1"),
    "later row too long": ("a,b\n1,2\n3,4,5\n", "D1"),
    "row too short": ("a,b\n1\n", "D1"),
    "later row too short": ("a,b,c\n1,2,3\n4,5\n", "D1"),
    "one column, row too long": ("a\n1\n2,3\n", "D1"),
    "open quote": ('a,b\n"1,2\n', "D15"),
    "leading blank line, one column": ("\na\n1\n", "leading-blank-line"),
}

CHARSETS = (
    Probe(
        "latin-1, said", post("/predict/", b"a,b\n\xe9,1\n", "text/csv; charset=latin-1"), ("D11",)
    ),
    Probe(
        "UTF-16, said",
        post("/predict/", "a,b\né,1\n".encode("utf-16"), "text/csv; charset=utf-16"),
        ("D11",),
    ),
    Probe("unknown charset", post("/predict/", "a,b\n1,2\n", "text/csv; charset=Foo"), ("D11",)),
    Probe("charset as argument", post("/predict/", "a,b\n1,2\n", "text/csv; charset=UTF-8")),
    Probe(
        "compressed",
        post("/predict/", compress(b"a,b\n1,2\n"), "text/csv", ("Content-Encoding", "gzip")),
        ("coded-body",),
    ),
    Probe("upload has no media type", upload_rows("/predict/", "a,b\n1,2\n")),
    Probe("header without value", post("/predict/", "a,b\n1,2\n", "")),
)

TEXT_TARGET = ("--target-type", "textgeneration")
ROWS = "a,b\n1,x\n2,y\n"

CASES: tuple[Case, ...] = (
    ServerCase(
        name="csv-bodies",
        build=files({"custom.py": REPORT}),
        arguments=TEXT_TARGET,
        environment={"TARGET_NAME": "out"},
        probes=(
            *(Probe(name, _csv(body)) for name, body in SAME.items()),
            *(Probe(name, _csv(body), (which,)) for name, (body, which) in DIFFERENT.items()),
            Probe("open quote does not echo", _csv('a,b\n"secret,2\n'), ("D15",)),
        ),
    ),
    ServerCase(
        name="charsets",
        build=files({"custom.py": REPORT}),
        arguments=TEXT_TARGET,
        environment={"TARGET_NAME": "out"},
        probes=CHARSETS,
    ),
    ServerCase(
        name="arguments-binary",
        build=files({"custom.py": REPORT_BINARY}),
        arguments=(
            "--target-type",
            "binary",
            "--positive-class-label",
            "yes",
            "--negative-class-label",
            "no",
        ),
        probes=(Probe("raw", _csv(ROWS)), Probe("upload", upload_rows("/predict/", ROWS))),
    ),
    ServerCase(
        name="arguments-multiclass",
        build=files({"custom.py": REPORT_LABELS}),
        arguments=("--target-type", "multiclass", "--class-labels", "A", "B", "C"),
        probes=(Probe("raw", _csv(ROWS)), Probe("upload", upload_rows("/predict/", ROWS))),
    ),
    ServerCase(
        name="arguments-multilabel",
        build=files({"custom.py": REPORT_LABELS}),
        arguments=("--target-type", "multilabel", "--class-labels", "A", "B", "C"),
        probes=(Probe("raw", _csv(ROWS)),),
    ),
)
