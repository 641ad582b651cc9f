"""docs/cli.md: its examples run one after the other and print what stands below them."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from tests.conftest import REPOSITORY
from tests.test_cli import PAPERS
from tests.test_docs_api import differences

TEXT = (REPOSITORY / "docs" / "cli.md").read_text()
EXAMPLES = re.findall(r"^\$ citelight (.*)\n((?:\{.*\n)?)", TEXT, re.MULTILINE)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, Result]]:
    """Every example as (arguments, what is documented, what came)."""
    folder = tmp_path_factory.mktemp("cli")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CITELIGHT_HOME", str(folder / "home"))
        Path("papers.jsonl").write_text("\n".join(json.dumps(p) for p in PAPERS))
        runner = CliRunner()
        return [(a, told, runner.invoke(cli, shlex.split(a))) for a, told in EXAMPLES]


def test_every_example_succeeds(ran: list[tuple[str, str, Result]]) -> None:
    failed = [(asked, r.exit_code, r.output) for asked, _, r in ran if r.exit_code]

    assert failed == []


def test_json_has_the_fields_that_are_documented(ran: list[tuple[str, str, Result]]) -> None:
    wrong = {
        asked: found
        for asked, told, result in ran
        if told and (found := differences(json.loads(told), json.loads(result.stdout)))
    }

    assert wrong == {}


def test_every_command_with_json_is_shown() -> None:
    shown = {asked.split(" --json")[0].split()[0] for asked, told in EXAMPLES if told}

    assert shown >= {"ask", "search", "ingest", "paper", "sources", "doctor", "keys", "backup"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_told_how_to_complete(shell: str) -> None:
    told = CliRunner().invoke(
        cli, prog_name="citelight", env={"_CITELIGHT_COMPLETE": f"{shell}_source"}
    )

    assert "_CITELIGHT_COMPLETE" in told.stdout
