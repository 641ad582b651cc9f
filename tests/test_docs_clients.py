"""docs/clients.md: its programs run, and its configurations are what clients read."""

import json
import re
import sys
from collections.abc import Iterator

import pytest

from service.api import create_app
from service.app import Core
from tests.conftest import REPOSITORY
from tests.serving import served

TEXT = (REPOSITORY / "docs" / "clients.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def base_url(core: Core) -> Iterator[str]:
    with served(create_app(core)) as url:
        yield url


@pytest.fixture
def httpx_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The successor that we depend on has the same functions."""
    import httpx2

    monkeypatch.setitem(sys.modules, "httpx", httpx2)


@pytest.mark.usefixtures("httpx_is_there")
@pytest.mark.parametrize("n", range(len(PROGRAMS)))
def test_a_program_prints_what_the_library_says(
    base_url: str, n: int, capsys: pytest.CaptureFixture[str]
) -> None:
    code = PROGRAMS[n].replace("http://127.0.0.1:8765", base_url)
    exec(compile(code, f"docs/clients.md, program {n}", "exec"), {})

    assert re.search("BM25|[Dd]ropout", capsys.readouterr().out)


def test_every_configuration_is_json() -> None:
    found = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]

    assert [list(f["mcpServers"]) for f in found] == [["citelight"], ["citelight"]]
