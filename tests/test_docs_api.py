"""docs/api.md: its examples do what stands below them, and no operation is missing."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from service.api import create_app
from service.app import Core, build
from service.keys import Keys
from tests.conftest import REPOSITORY, settings
from tests.fakes.homes import copy_home
from tests.serving import served

TEXT = (REPOSITORY / "docs" / "api.md").read_text()
EXAMPLES = re.findall(
    r"```sh\n(curl .*?)```\n\nAnswers `(\d+)`(?::\n\n```(\w+)\n(.*?)\n```)?", TEXT, re.DOTALL
)
NAMES = {"id": "ANSWER", "run_id": "RUN", "conversation_id": "CONVERSATION", "job": "JOB"}

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@dataclass(frozen=True, slots=True)
class Ran:
    """An example, what it is to give, and what it gave."""

    command: str
    wanted: str
    wanted_status: str
    got: str
    got_status: str


@pytest.fixture(scope="module")
def service(core: Core, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service over a copy of the sample library, which the examples change."""
    home = tmp_path_factory.mktemp("docs") / "home"
    own, keys = build(settings(copy_home(core.settings.home, home))), Keys(home / "keys.sqlite")
    if not keys.listing():
        keys.create("laptop", "read")
    with served(create_app(own, keys=keys)) as url:
        yield url
    keys.close()
    own.close()


@pytest.fixture(scope="module")
def ran(service: str, tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    """All examples, one after the other, as a reader would run them."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "papers.bib").write_text("@article{x, title={Moss}, abstract={Moss holds rain.}}")
    ids: dict[str, str] = {}
    done = []
    for command, status, _, wanted in EXAMPLES:
        local = command.replace("http://127.0.0.1:8765", service)
        told = local.replace("curl -s", r"curl -s -w '\n%{http_code}'", 1)
        out = subprocess.run(
            ["sh", "-c", told], env=os.environ | ids, cwd=folder, capture_output=True, text=True
        ).stdout
        got, _, got_status = out.rpartition("\n")
        done.append(Ran(command, wanted, status, got, got_status))
        if got.startswith("{"):
            found = json.loads(got)
            if "run_id" in found or "job" in found:
                ids |= {NAMES[name]: found[name] for name in NAMES if found.get(name)}
    return done


def differences(wanted: Any, got: Any, at: str = "$") -> list[str]:
    """Where `got` lacks something of `wanted`, or has another type. Null is of every type."""
    if wanted is None or got is None:
        return []
    if isinstance(wanted, dict) and isinstance(got, dict):
        missing = [f"{at}.{name} is missing" for name in wanted if name not in got]
        deeper = (differences(wanted[n], got[n], f"{at}.{n}") for n in wanted if n in got)
        return missing + [found for part in deeper for found in part]
    if isinstance(wanted, list) and isinstance(got, list):
        return differences(wanted[0], got[0], f"{at}[0]") if wanted and got else []
    kinds = {int: float, bool: bool}
    same = kinds.get(type(wanted), type(wanted)) is kinds.get(type(got), type(got))
    return [] if same else [f"{at} is {type(got).__name__}, not {type(wanted).__name__}"]


def test_examples_have_the_status_that_stands_below(ran: list[Ran]) -> None:
    wrong = [(r.command, r.got_status, r.got) for r in ran if r.got_status != r.wanted_status]

    assert wrong == []


def test_replies_have_the_shape_that_stands_below(ran: list[Ran]) -> None:
    wrong = {
        r.command: found
        for r in ran
        if r.wanted.startswith("{")
        and (found := differences(json.loads(r.wanted), json.loads(r.got)))
    }

    assert wrong == {}


def test_replies_that_are_text_begin_alike(ran: list[Ran]) -> None:
    texts = [r for r in ran if r.wanted and not r.wanted.startswith("{")]
    wrong = [r.command for r in texts if r.got.strip()[:4] != r.wanted.strip()[:4]]

    assert texts
    assert wrong == []


def test_every_example_is_followed_by_its_reply() -> None:
    assert len(EXAMPLES) == TEXT.count("```sh\ncurl")


def test_every_operation_has_an_example(service: str) -> None:
    out = subprocess.run(["curl", "-s", f"{service}/openapi.json"], capture_output=True, text=True)
    operations = {
        (method.upper(), path)
        for path, methods in json.loads(out.stdout)["paths"].items()
        for method in methods
    }
    documented = set(re.findall(r"`(GET|POST|PATCH|DELETE) (/\S*?)`", TEXT))

    assert documented == operations
