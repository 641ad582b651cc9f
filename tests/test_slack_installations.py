"""Many workspaces: installed by OAuth, tokens sealed, everything gone when they leave."""

import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.errors import CitelightError, InvalidInput
from service.slack.installations import Vault, new_key
from tests.fakes.slack_bed import CONFIG, Bed, bed, direct, mention

pytestmark = [
    pytest.mark.anyio,
    # slack_sdk 3.47 sends the client's secret by a class that aiohttp 3.14 is to drop in 4.0
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
]

OAUTH = replace(CONFIG, bot_token="", client_id="1.2", client_secret="cs", key="A" * 43 + "=")


async def install(b: Bed, team: str) -> int:
    """Goes through the installation as an administrator's browser does; the last status."""
    page = await b.http.get("/slack/install")
    state = page.headers["set-cookie"].split("slack-app-oauth-state=")[1].split(";")[0]
    cookies = {"Cookie": f"slack-app-oauth-state={state}"}
    url = f"/slack/oauth_redirect?code={team}&state={state}"
    first = await b.http.get(url, headers=cookies)
    again = await b.http.get(url, headers=cookies)
    assert again.status_code == 401  # a state is good once
    return first.status_code


async def test_each_workspace_is_answered_with_its_own_token(tmp_path: Path) -> None:
    async with bed(tmp_path, config=OAUTH) as b:
        b.slack.tokens.clear()
        statuses = [await install(b, team) for team in ("T1", "T2")]
        await b.event(direct("First?", "1.0", channel="D1"), team="T1")
        await b.event(direct("Second?", "2.0", channel="D2"), team="T2")
        await b.idle()

        assert statuses == [200, 200]
        assert b.slack.text("D1", "1.0") == b.slack.text("D2", "2.0") == "It is so. [1]"


async def test_a_state_of_somebody_else_installs_nothing(tmp_path: Path) -> None:
    async with bed(tmp_path, config=OAUTH) as b:
        reply = await b.http.get("/slack/oauth_redirect?code=T1&state=forged")

        assert reply.status_code == 400
        assert b.store.installation("T1") is None


async def test_a_workspace_without_installation_gets_no_answer(tmp_path: Path) -> None:
    async with bed(tmp_path, config=OAUTH) as b:
        await b.event(direct("Is it so?"), team="T9")
        await b.idle()

        assert b.assistant.asked == []


async def test_no_token_is_readable_in_the_database(tmp_path: Path) -> None:
    async with bed(tmp_path, config=OAUTH) as b:
        await install(b, "T1")
    files = [file.read_bytes() for file in tmp_path.glob("conversations.sqlite*")]

    assert not any(b"xoxb-" in content for content in files)


def rows_of(home: Path, team: str) -> int:
    """Rows in any table that name the team, as a word of its own, in any column.

    As a word, since "T1" also stands in a time of the hours from ten to nineteen.
    """
    named = re.compile(rf"\b{team}\b")
    db = sqlite3.connect(home / "conversations.sqlite")
    tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    n = sum(
        any(named.search(str(value)) for value in row)
        for table in tables
        for row in db.execute(f"SELECT * FROM {table}")
    )
    db.close()
    return n


@pytest.mark.parametrize(
    "leaving",
    [
        {"type": "app_uninstalled", "event_ts": "9"},
        {"type": "tokens_revoked", "tokens": {"bot": ["UBOT"]}, "event_ts": "9"},
    ],
)
async def test_leaving_deletes_every_row(tmp_path: Path, leaving: dict[str, object]) -> None:
    async with bed(tmp_path, config=OAUTH) as b:
        for team in ("T1", "T22"):
            await install(b, team)
            await b.event(mention("Is it so?"), team=team)
        await b.idle()
        await b.command("Is it so?")
        await b.idle()
        b.store.set_rule("T1", "C1", {})
        n_before = rows_of(tmp_path, "T1")
        await b.event(leaving, team="T1")
        await b.idle()
        answers = b.conversations._run("SELECT count(*) FROM answers")

        assert n_before > 5
        assert rows_of(tmp_path, "T1") == 0
        assert rows_of(tmp_path, "T22") > 3
        assert answers == [(1,)]


async def test_revoking_a_users_token_changes_nothing(tmp_path: Path) -> None:
    async with bed(tmp_path, config=OAUTH) as b:
        await install(b, "T1")
        await b.event({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}, "event_ts": "9"})
        await b.idle()

        assert b.store.installation("T1")


async def test_after_an_uninstall_nothing_is_answered_before_the_next_install(
    tmp_path: Path,
) -> None:
    async with bed(tmp_path, config=OAUTH) as b:
        await install(b, "T1")
        await b.event({"type": "app_uninstalled", "event_ts": "9"})
        await b.idle()
        await b.event(direct("First?", "1.0"))
        await b.idle()
        await install(b, "T1")
        await b.event(direct("Second?", "2.0"))
        await b.idle()

        assert [a.question for a in b.assistant.asked] == ["Second?"]


def test_another_key_opens_nothing() -> None:
    sealed = Vault(new_key()).seal(b"xoxb-1")

    with pytest.raises(CitelightError, match="CITELIGHT_SLACK_KEY"):
        Vault(new_key()).open(sealed)


@pytest.mark.parametrize("key", ["", "short", "ü" * 44, "A" * 44])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="citelight slack key"):
        Vault(key)
