"""API keys: their store, their commands, and the refusal to serve strangers without."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingest.errors import InvalidInput, NotFound, Unavailable
from service.access import access_of, check_keys
from service.cli import cli
from service.keys import KEYS_FILE, Keys
from tests.conftest import settings
from tests.fakes.protected import protected


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    keys = Keys(tmp_path / KEYS_FILE)
    yield keys
    keys.close()


def test_a_key_is_known_again(keys: Keys) -> None:
    found = keys.check(keys.create("laptop", "write"))

    assert found is not None
    assert (found.name, found.role) == ("laptop", "write")


@pytest.mark.parametrize("change", [lambda k: k[:-1] + "!", lambda k: "", lambda k: k + "x"])
def test_anything_else_is_no_key(keys: Keys, change: object) -> None:
    key = keys.create("laptop", "read")

    assert callable(change)
    assert keys.check(change(key)) is None


def test_the_secret_of_one_key_does_not_open_another(keys: Keys) -> None:
    one, two = keys.create("one", "read"), keys.create("two", "admin")

    assert keys.check(two[:16] + one[16:]) is None


def test_the_secret_is_not_in_the_file(keys: Keys, tmp_path: Path) -> None:
    secret = keys.create("laptop", "read").split("_", 2)[2]
    stored = b"".join(f.read_bytes() for f in tmp_path.glob(f"{KEYS_FILE}*"))

    assert secret.encode() not in stored


def test_nobody_else_may_read_the_file(keys: Keys, tmp_path: Path) -> None:
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o077 == 0


def test_a_revoked_key_is_none(keys: Keys) -> None:
    key = keys.create("laptop", "read")
    keys.revoke("laptop")

    assert keys.check(key) is None


def test_a_key_that_is_not_there_cannot_be_revoked(keys: Keys) -> None:
    with pytest.raises(NotFound):
        keys.revoke("laptop")


def test_two_keys_that_work_cannot_share_a_name(keys: Keys) -> None:
    keys.create("laptop", "read")

    with pytest.raises(InvalidInput):
        keys.create("laptop", "read")


def test_uses_are_counted(keys: Keys) -> None:
    key = keys.create("laptop", "read")
    for _ in range(3):
        keys.check(key)

    assert keys.listing()[0].requests == 3


def test_every_role_includes_those_below_it(keys: Keys) -> None:
    keys.create("laptop", "write")
    (key,) = keys.listing()

    assert [key.may(role) for role in ("read", "write", "admin")] == [True, True, False]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_no_key_is_needed_on_loopback(tmp_path: Path, host: str) -> None:
    assert not access_of(settings(tmp_path, host=host)).needs_key


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_a_key_is_needed_elsewhere(tmp_path: Path, host: str) -> None:
    assert access_of(settings(tmp_path, host=host)).needs_key


def test_open_access_needs_no_key_anywhere(tmp_path: Path) -> None:
    assert not access_of(settings(tmp_path, host="0.0.0.0", access="open")).needs_key


def test_the_service_does_not_start_for_strangers_without_a_key(keys: Keys, tmp_path: Path) -> None:
    access = access_of(settings(tmp_path, host="0.0.0.0"))
    with pytest.raises(InvalidInput, match="citelight keys create"):
        check_keys(access, keys, "0.0.0.0")


def test_it_starts_once_there_is_a_key(keys: Keys, tmp_path: Path) -> None:
    keys.create("laptop", "read")

    check_keys(access_of(settings(tmp_path, host="0.0.0.0")), keys, "0.0.0.0")


def test_the_command_refuses_to_serve_strangers_without_a_key() -> None:
    result = CliRunner().invoke(cli, ["serve", "--host", "0.0.0.0", "--port", "0"])

    assert result.exit_code == 1
    assert "citelight keys create" in result.stderr


def test_the_commands_create_list_and_revoke() -> None:
    runner = CliRunner()
    created = runner.invoke(cli, ["keys", "create", "laptop", "--role", "write", "--json"])
    listed = runner.invoke(cli, ["keys", "list", "--json"])
    revoked = runner.invoke(cli, ["keys", "revoke", "laptop"])
    left = runner.invoke(cli, ["keys", "list", "--json"])

    assert json.loads(created.stdout)["key"].startswith("cl_")
    assert [key["role"] for key in json.loads(listed.stdout)["keys"]] == ["write"]
    assert revoked.exit_code == 0
    assert json.loads(left.stdout) == {"keys": []}


@pytest.mark.parametrize("has_keys", [True, False])
def test_keys_that_cannot_be_revoked_open_nothing(tmp_path: Path, has_keys: bool) -> None:
    (tmp_path / "home").mkdir()
    if has_keys:
        Keys(tmp_path / "home" / KEYS_FILE).close()
    with protected(tmp_path / "home") as place:
        if has_keys:
            with pytest.raises(Unavailable, match="cannot be written to"):
                Keys(place / KEYS_FILE)
            return
        keys = Keys(place / KEYS_FILE)
        found = keys.listing()
        keys.close()

    assert found == []
