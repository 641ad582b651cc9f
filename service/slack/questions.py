"""Which messages are questions to us, and what they ask in plain words."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Entry = Literal["direct", "mention", "thread", "command", "shortcut", "button"]

_TAKEN_SUBTYPES = {None, "file_share", "thread_broadcast"}
_MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that asks us something. `ts` is the message, `thread` the thread to answer in."""

    channel: str
    user: str
    text: str
    ts: str
    thread: str
    entry: Entry

    @property
    def key(self) -> str:
        """The same for the two events that a mention in a channel makes."""
        return f"{self.channel}:{self.ts}"


def asked(
    event: Mapping[str, Any], *, team: str, bot_user: str | None, allow_external: bool = False
) -> Asked | None:
    """The question in a `message` or `app_mention` event; None if it is none for us.

    Bots, edits, joins and the like are never questions, nor are messages of other organisations
    in shared channels unless allowed. A mention in a channel counts once, as `app_mention`.
    Whether we have joined the thread of a `thread` question is for the caller to look up.
    """
    user, ts, channel = event.get("user"), event.get("ts"), event.get("channel")
    if not (user and ts and channel) or user == bot_user or _is_no_person(event):
        return None
    if not allow_external and _home_of(event) not in (None, team):
        return None
    entry = _entry(event, bot_user)
    text = plain(str(event.get("text") or ""))
    if entry is None or (entry != "mention" and not text):
        return None
    return Asked(channel, user, text, ts, event.get("thread_ts") or ts, entry)


def _is_no_person(event: Mapping[str, Any]) -> bool:
    is_odd = event.get("subtype") not in _TAKEN_SUBTYPES or event.get("hidden")
    return bool(is_odd or event.get("bot_id") or event.get("bot_profile") or event.get("edited"))


def _home_of(event: Mapping[str, Any]) -> str | None:
    """The workspace that the author belongs to, where Slack says it."""
    return event.get("user_team") or event.get("source_team") or event.get("team")


def _entry(event: Mapping[str, Any], bot_user: str | None) -> Entry | None:
    if event.get("channel_type") == "im" or str(event["channel"]).startswith("D"):
        return "direct"
    if event.get("type") == "app_mention":
        return "mention"
    mentioned = re.findall(r"<@([A-Z0-9]+)", str(event.get("text") or ""))
    if bot_user in mentioned or mentioned or not event.get("thread_ts"):
        return None  # it comes as app_mention too, or is said to somebody else
    return "thread"


def plain(text: str) -> str:
    """A message's text without Slack's markup: no mentions, links as their labels."""
    return " ".join(html.unescape(_MARKUP.sub(_readable, text)).split(" ")).strip()


def _readable(found: re.Match[str]) -> str:
    target, label = found[1], found[2]
    if target.startswith(("@", "!")):
        return label if target.startswith("!") and label else ""
    if target.startswith("#"):
        return f"#{label}" if label else ""
    return label or target
