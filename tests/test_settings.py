"""Settings: their documents agree with them, and defaults need nothing."""

import re

import pytest
from pydantic import ValidationError

from service.settings import Settings, environment_names
from tests.conftest import REPOSITORY

NAMES = {environment_names(field)[0] for field in Settings.model_fields}


def test_every_setting_is_documented() -> None:
    text = (REPOSITORY / "docs" / "settings.md").read_text()
    documented = re.findall(r"^\| `(\w+)` \| (.+?) \|", text, re.MULTILINE)
    described = {environment_names(n)[0]: f.description for n, f in Settings.model_fields.items()}

    assert dict(documented) == described


def test_every_setting_is_in_the_example_file() -> None:
    text = (REPOSITORY / ".env.example").read_text()

    assert set(re.findall(r"^# ([A-Z_]+)=", text, re.MULTILINE)) == NAMES


def test_the_environment_sets_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITELIGHT_PORT", "9001")
    monkeypatch.setenv("CHROMA_URL", "http://chroma:8000")
    read = Settings(_env_file=None)

    assert (read.port, read.chroma_url) == (9001, "http://chroma:8000")


def test_a_value_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITELIGHT_PORT", "70000")

    with pytest.raises(ValidationError):
        Settings(_env_file=None)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")

    assert "very-secret" not in repr(Settings(_env_file=None))


def test_what_shapes_an_answer_changes_its_hash() -> None:
    assert Settings(_env_file=None, model="a").answering != Settings(_env_file=None).answering
