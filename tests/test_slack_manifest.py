"""The manifest: within Slack's limits, and asking for no more than is used."""

import ast
import re
from pathlib import Path

import pytest

import service.slack
from ingest.errors import InvalidInput
from service.slack.manifest import METHODS, SCOPES, manifest, scopes
from tests.conftest import REPOSITORY

URL = "https://papers.example"
FOLDER = Path(service.slack.__file__).parent


def called_methods() -> set[str]:
    """The Web API methods that the package calls, by the SDK's names for them."""
    names = {name.replace(".", "_"): name for name in METHODS}
    nodes = [n for file in FOLDER.glob("*.py") for n in ast.walk(ast.parse(file.read_text()))]
    found = {names[n.attr] for n in nodes if isinstance(n, ast.Attribute) and n.attr in names}
    return found | {"apps.connections.open", "oauth.v2.access"}  # these two by Bolt


def test_the_methods_listed_are_those_called() -> None:
    assert called_methods() == set(METHODS)


def test_every_scope_is_explained_and_no_other() -> None:
    assert set(scopes(mention_only=False)) == set(SCOPES)


def test_the_documents_name_every_scope_with_its_reason() -> None:
    text = (REPOSITORY / "docs" / "slack.md").read_text()

    assert dict(re.findall(r"^\| `([\w:]+)` \| (.+?) \|", text, re.MULTILINE)) == SCOPES


def test_mention_only_reads_no_channel() -> None:
    made = manifest(name="Citelight", url=URL, mention_only=True)
    settings = made["settings"]["event_subscriptions"]

    assert not any("message.channels" in event for event in settings["bot_events"])
    assert "channels:history" not in made["oauth_config"]["scopes"]["bot"]


def test_over_http_requests_go_to_the_public_address() -> None:
    made = manifest(name="Citelight", url=URL + "/")

    assert made["settings"]["event_subscriptions"]["request_url"] == f"{URL}/slack/events"
    assert made["features"]["slash_commands"][0]["url"] == f"{URL}/slack/events"
    assert made["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth_redirect"]


def test_socket_mode_needs_no_address() -> None:
    made = manifest(name="Citelight", url="", is_socket=True)

    assert made["settings"]["socket_mode_enabled"] is True
    assert "https://" not in str(made)


def test_without_an_https_address_it_says_what_to_do() -> None:
    with pytest.raises(InvalidInput, match="CITELIGHT_PUBLIC_URL"):
        manifest(name="Citelight", url="http://papers.example")


def test_it_is_within_slacks_limits() -> None:
    made = manifest(name="N" * 100, url=URL)
    display, features = made["display_information"], made["features"]

    assert len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    assert 174 <= len(display["long_description"]) <= 4_000
    assert len(features["bot_user"]["display_name"]) <= 80
    assert len(features["shortcuts"][0]["name"]) <= 24
    assert len(features["shortcuts"][0]["description"]) <= 150
    assert len(features["agent_view"]["agent_description"]) <= 300
    assert len(features["agent_view"]["suggested_prompts"]) <= 4
    assert len(features["slash_commands"][0]["command"]) <= 32
