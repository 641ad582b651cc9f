"""The Slack app inside the service and on the command line: what it says where it is not set up."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.api.problems import RequestIds, answer_errors
from service.app import Core
from service.cli import cli
from service.conversations import Conversations
from service.slack.config import Config, config_of
from service.slack.installations import Vault
from service.slack.serving import mount
from tests.conftest import settings
from tests.fakes.slack_bed import signed


def app_of(home: Path, **values: Any) -> FastAPI:
    """An application with the Slack part only; its core has neither library nor assistant."""
    conversations = Conversations(home / "conversations.sqlite")
    core = Core(
        settings(home, **values), cast(Any, None), cast(Any, None), conversations, cast(Any, None)
    )
    app = FastAPI()
    app.add_middleware(RequestIds)
    answer_errors(app)
    mount(app, core)
    return app


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "SLACK_SIGNING_SECRET, SLACK_BOT_TOKEN"),
        ({"slack_bot_token": "xoxb-1"}, "SLACK_SIGNING_SECRET"),
        ({"slack_app_token": "xapp-1", "slack_bot_token": "x"}, "citelight slack"),
        ({"slack_signing_secret": "s", "slack_client_id": "1"}, "CITELIGHT_SLACK_KEY"),
        ({"slack_bot_token": "x", "slack_client_id": "1"}, "not both"),
    ],
)
def test_where_settings_miss_it_says_which(
    tmp_path: Path, values: dict[str, Any], said: str
) -> None:
    with TestClient(app_of(tmp_path, **values)) as client:
        reply = client.post("/slack/events")

    assert reply.status_code == 503
    assert said in reply.json()["detail"]


def test_a_key_that_is_none_does_not_stop_the_service(tmp_path: Path) -> None:
    values = {"slack_signing_secret": "s", "slack_client_id": "1", "slack_client_secret": "c"}
    app = app_of(tmp_path, **values, slack_key="bad", public_url="https://papers.example")
    with TestClient(app) as client:
        reply = client.get("/slack/install")

    assert (reply.status_code, "citelight slack key" in reply.json()["detail"]) == (503, True)


def test_mounted_it_answers_slack(tmp_path: Path) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c"})
    headers = {**signed(body), "Content-Type": "application/json"}
    app = app_of(tmp_path, slack_signing_secret="shh", slack_bot_token="xoxb-1")
    with TestClient(app) as client:
        verified = client.post("/slack/events", content=body, headers=headers)
        unsigned = client.post("/slack/events", content=body)
        too_large = client.post("/slack/events", content=b"x" * 1_000_001)

    assert (verified.json(), unsigned.status_code) == ({"challenge": "c"}, 401)
    assert too_large.status_code == 413


def test_secrets_do_not_show() -> None:
    config = Config(bot_token="hush", signing_secret="hush", app_token="hush", client_secret="hush")

    assert "hush" not in repr(config)


def test_an_empty_rules_setting_is_none(tmp_path: Path) -> None:
    assert config_of(settings(tmp_path, slack_rules="")).rules is None


def test_the_command_prints_the_manifest() -> None:
    result = CliRunner().invoke(cli, ["slack", "manifest", "--socket", "--mention-only"])
    manifest = json.loads(result.stdout)

    assert manifest["settings"]["socket_mode_enabled"] is True


def test_the_command_makes_a_key() -> None:
    result = CliRunner().invoke(cli, ["slack", "key"])

    assert Vault(result.stdout.strip()).open(Vault(result.stdout.strip()).seal(b"x")) == b"x"


@pytest.mark.parametrize(
    ("args", "said"),
    [(["slack"], "SLACK_APP_TOKEN"), (["slack", "manifest"], "CITELIGHT_PUBLIC_URL")],
)
def test_the_commands_say_what_is_missing(
    args: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "CITELIGHT_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(cli, args)

    assert (result.exit_code, said in result.stderr) == (1, True)
