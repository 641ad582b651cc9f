"""The wheel, installed in a fresh environment outside the repository, answers a question."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

UV = shutil.which("uv")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(UV is None, reason="uv is not on the PATH (pip install uv)"),
]


def uv(*arguments: object, **environment: str) -> str:
    assert UV
    done = subprocess.run(
        [UV, *map(str, arguments)],
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--quiet", "--out-dir", folder)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel, what it needs, and the weights."""
    folder = tmp_path_factory.mktemp("fresh")
    locked = folder / "requirements.txt"
    uv("export", "--locked", "--quiet", "--no-dev", "--no-emit-project", "--output-file", locked)
    uv("venv", "--quiet", folder / "venv")
    target = {"VIRTUAL_ENV": str(folder / "venv")}
    uv("pip", "install", "--quiet", "--no-deps", "--requirements", locked, **target)
    uv("pip", "install", "--quiet", "--no-deps", wheel, **target)
    return folder / "venv" / "bin"


def test_the_wheel_holds_what_the_service_needs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {"ingest/sample/papers.jsonl", "prompts/answer.md", "service/cli.py"} <= names
    assert any(n.startswith("service/web/static/") for n in names)
    assert not any(n.startswith(("tests/", "evals/")) for n in names)


def test_the_installed_command_answers_a_question(installed: Path, tmp_path: Path) -> None:
    environment = {
        "PATH": f"{installed}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CITELIGHT_HOME": str(tmp_path / "home"),
    }
    done = subprocess.run(
        ["citelight", "ask", "How does BM25 weigh the terms of a query?", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "BM25" in json.loads(done.stdout)["citations"][0]["paper"]["title"]
