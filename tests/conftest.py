"""What all tests share: no network beyond loopback, and one library of the bundled sample."""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api import create_app
from service.app import Core, add_sample, build
from service.settings import Settings

REPOSITORY = Path(__file__).parents[1]
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses connections to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person who runs the tests reaches them, nor their library."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "CHROMA_URL", "CITELIGHT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CITELIGHT_HOME", str(tmp_path / "home"))


def settings(home: Path, **values: Any) -> Settings:
    """Settings for a library in `home`, whatever a `.env` file says."""
    return Settings(home=home, _env_file=None, **values)


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """The service's core over the sample library, all parts real. Tests only read it."""
    core = build(settings(tmp_path_factory.mktemp("sample")))
    add_sample(core.library)
    yield core
    core.close()


@pytest.fixture
def client(core: Core) -> Iterator[TestClient]:
    with TestClient(create_app(core)) as client:
        yield client


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
