"""docs/formats.md says what the readers do."""

import json
import re

import click
import pytest

from ingest.papers import Paper, Record
from ingest.report import Rejected
from ingest.sources import FORMATS, source_of
from ingest.sources.columns import SYNONYMS
from service.cli import cli
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "formats.md").read_text(encoding="utf-8")
PAPER, REJECTED = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^citelight ingest (.*)$", PAGE, re.MULTILINE)


def papers_in(text: str, field_map: dict[str, str] | None = None) -> list[Paper]:
    items = source_of("file", text.encode(), field_map).records()
    return [item.paper for item in items if isinstance(item, Record)]


def test_every_field_stands_there_with_its_names() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)

    assert {field: tuple(names.split(", ")) for field, names in rows} == SYNONYMS


@pytest.mark.parametrize("name", [known.name for known in FORMATS if "page" not in known.name])
def test_every_format_stands_there(name: str) -> None:
    first = [row.split(" | ")[0] for row in PAGE.splitlines() if row.startswith("| ")]

    assert any(name in cell for cell in first)


def test_the_example_is_read_whole() -> None:
    (paper,) = papers_in(PAPER)
    told = json.loads(PAPER)

    assert {name: getattr(paper, name) for name in told if name not in ("id", "authors")} == {
        name: value for name, value in told.items() if name not in ("id", "authors")
    }
    assert paper.authors == ("Ada Moss",)


@pytest.mark.parametrize(
    "authors",
    [
        "Ada Moss; Bo Li",
        "Moss, Ada and Li, Bo",
        ["Moss, Ada", "Bo Li"],
        [{"given": "Ada", "family": "Moss"}, {"name": "Bo Li"}],
    ],
)
def test_authors_are_read_in_every_form(authors: object) -> None:
    (paper,) = papers_in(json.dumps({"title": "T", "abstract": "A text.", "authors": authors}))

    assert paper.authors == ("Ada Moss", "Bo Li")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_every_command_is_one(arguments: str) -> None:
    group = cli.commands["ingest"]
    assert isinstance(group, click.Group)
    files = group.commands["files"]
    context = files.make_context("files", arguments.split())

    assert {pair.partition("=")[0] for pair in context.params["mapped"]} <= SYNONYMS.keys()


def test_the_rejected_record_is_written_so() -> None:
    told = json.loads(REJECTED)
    raw = json.dumps({name: value for name, value in told.items() if name[0] != "_"})
    line = Rejected(told["_file"], told["_record"], told["_reason"], raw).line()

    assert json.loads(line) == told
    assert papers_in(json.dumps(told | {"abstract": "A text."}))[0].year == 2019
