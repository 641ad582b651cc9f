"""The two services of docker-compose.yml: the file is valid, and its commands work together."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

BIN = Path(sys.executable).parent
COMPOSE = shutil.which("docker-compose")
STARTED_S = 120


@pytest.mark.skipif(COMPOSE is None, reason="docker-compose is not installed (apt-get install it)")
@pytest.mark.parametrize("profile", ["", "llm"])
def test_compose_accepts_the_file(profile: str) -> None:
    assert COMPOSE
    done = subprocess.run(
        [COMPOSE, "config", "--quiet"],
        cwd=REPOSITORY,
        env=os.environ | {"COMPOSE_PROFILES": profile},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_service_answers_with_its_vectors_on_a_chroma_server(tmp_path: Path) -> None:
    chroma, service = free_port(), free_port()
    environment = {
        "CHROMA_URL": f"http://127.0.0.1:{chroma}",
        "CITELIGHT_HOME": str(tmp_path / "home"),
    }
    with (
        process(
            "chroma", "run", "--path", tmp_path / "chroma", "--port", chroma, "--host", "127.0.0.1"
        ) as server,
    ):
        wait_for(f"http://127.0.0.1:{chroma}/api/v2/healthcheck", server)
        with process("citelight", "serve", "--port", service, **environment) as citelight:
            wait_for(f"http://127.0.0.1:{service}/readyz", citelight)
            answer = ask(f"http://127.0.0.1:{service}/v1/ask", "How does BM25 weigh query terms?")

    assert "BM25" in answer["citations"][0]["paper"]["title"]  # type: ignore[index]
    assert not list((tmp_path / "home").rglob("chroma.sqlite3"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(
    command: str, *arguments: object, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A process of a console script beside this Python, ended with the block."""
    running = subprocess.Popen(
        [str(BIN / command), *map(str, arguments)],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(timeout=30)


def wait_for(url: str, running: subprocess.Popen[str]) -> None:
    """Returns when the address answers with 200; polls, as compose's health checks do."""
    deadline = time.monotonic() + STARTED_S
    while running.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not come up (exit {running.poll()})")


def ask(url: str, question: str) -> dict[str, object]:
    body = json.dumps({"question": question}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        answer: dict[str, object] = json.loads(reply.read())
        return answer
