"""Damaged and hostile files: no crash, no hang, no text that the stores could not take."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources import source_of

SHARED = Path(__file__).parents[2] / "shared"
MAX_BYTES = 60_000  # of a file to damage: large ones cost time and hold nothing new
TIME_LIMIT_S = 5  # of CPU, so that a busy machine does not count
FILES = sorted(
    path
    for folder in (SHARED / "data" / "formats", SHARED / "seeds")
    for path in folder.rglob("*")
    if path.is_file() and path.stat().st_size < MAX_BYTES
)
JUNK = (
    b"{", b"}", b"[", b'"', b"'", b"\\", b"<", b"&", b"\0", b"\xff", b"\n\n", b"|", b";", b"$",
    b"%",
    b"@article{", b"TY  - JOUR\n", b"ER  - \n", b"PMID- ", b"<![CDATA[", b"<!--", b"&#xD800;",
    b"\\ud800", b"NaN", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"[" * 3000, b'{"a":' * 50,
    b"<i>" * 500, b"\\begin{" * 50, b" " * 5000, b'"' * 999, b"-" * 5000,
)  # fmt: skip
N = 100_000
HOSTILE = {
    "braces": "@article{a, title={" + "{" * N,
    "accents": "@article{a, title={x}, abstract={" + "\\'{e}" * (N // 5) + "}}",
    "formulas": "@article{a, title={x}, abstract={" + "$" * N + "}}",
    "wrapped lines": "TY  - JOUR\nAB  - " + "x\n" * N,
    "starts": "TY  - JOUR\n" * (N // 10),
    "separators": "TY  - JOUR\nAU  - " + "; ," * N + "\nAB  - x\nER  - \n",
    "copyrights": "TY  - JOUR\nAB  - " + "© 2020 " * (N // 7) + "\nER  - \n",
    "misread": "TY  - JOUR\nAB  - " + "â€" * N + "\nER  - \n",
    "blank lines": "Daily Papers\n" + "\n" * N + "x",
    "no words": "\n" * 60_000 + "." * N,
    "broken words": "more » « less\n" + "a- b " * (N // 5),
    "quotes": 'title,abstract\n"' + "x\n" * (N // 10),
    "lists": 'title,abstract\na,"[' + "'x' " * (N // 4) + '"\n',
    "spaces": 'title,abstract,authors\na,b,"' + " " * N + 'x"\n',
    "links": "| title | abstract |\n|---|---|\n| a | " + "[a](" * (N // 4) + " |",
    "stars": "| title | abstract |\n|---|---|\n| a | " + "*a " * (N // 3) + " |",
    "headings": "# [t](http://x.y)\nAbstract: a b c\n" + "# [t](http://x" * (N // 10),
    "tags": '[{"DOI": "10.1/x", "title": "x", "abstract": "' + "<jats:p>" * (N // 8) + '"}]',
    "arrays": "[" * N,
    "objects": '{"a":' * N,
    "names": '[{"title": "x", "abstract": "y", "authors": ["' + "," * N + 'x"]}]',
    "address": '[{"title": "x", "abstract": "y", "arxiv_id": "' + "a-" * N + '"}]',
    "elements": "<PubmedArticleSet>" + "<PubmedArticle>" * (N // 15),
    "attributes": "<feed " * (N // 6) + " http://www.w3.org/2005/Atom>",
}


def read(data: bytes) -> list[Record | Rejection]:
    """What the data gives, checked; nothing if it is refused. Other errors rise."""
    start = time.process_time()
    try:
        items = list(source_of("file", data).records())
    except InvalidInput:
        items = []
    assert time.process_time() - start < TIME_LIMIT_S
    for item in items:
        (item.locator + item.raw).encode()
        if isinstance(item, Record):
            assert item.paper.title
            assert item.paper.abstract
            assert item.paper.revision
            assert list(item.paper.identities())
    return items


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A genuine file, cut, shortened, changed, doubled or interspersed at up to four places."""
    data = bytearray(draw(st.sampled_from(FILES)).read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.sampled_from((1, 3, 30, 300)))
        match draw(st.integers(0, 5)):
            case 0:
                del data[start:]
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = draw(st.sampled_from(JUNK))
            case 3:
                data[start:end] = draw(st.binary(min_size=1, max_size=4))
            case 4:
                data[start:start] = data[start:end] * 20
            case _:
                del data[:start]
    return bytes(data)


@pytest.mark.skipif(not FILES, reason="the genuine files are not here")
@settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(damaged())
def test_damaged_files_give_records_rejections_or_a_refusal(data: bytes) -> None:
    read(data)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_arbitrary_bytes_are_refused_or_read(data: bytes) -> None:
    read(data)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_repetition_does_not_hang(name: str) -> None:
    read(HOSTILE[name].encode())
