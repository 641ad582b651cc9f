"""Chores that chat programs give the model they chat with: titles, tags, follow-up questions.

Open WebUI sends them as a user message that begins with "### Task:" and names the JSON key it
wants. They are no questions to the library, so they are answered without looking into it.
"""

import re

import orjson

_TASK = "### Task:"
_HISTORY = re.compile(r"<chat_history>(.*?)(?:</chat_history>|\Z)", re.DOTALL | re.IGNORECASE)
_ASKED = re.compile(r"^\s*USER:\s*(\S.*)$", re.MULTILINE | re.IGNORECASE)
_TITLE_WORDS = 6
_PLAIN: dict[str, object] = {  # what answers a chore, by the JSON key that it asks for
    "tags": ["Research", "Papers"],
    "follow_ups": [],
    "queries": [],
    "prompt": "",
    "text": "",
}


def chore(message: str) -> str | None:
    """The answer to a chore; None for a message that is none."""
    if not message.lstrip().startswith(_TASK):
        return None
    history = _HISTORY.search(message)
    order = _HISTORY.sub("", message)
    if '"title"' in order:
        return _json("title", _title(history))
    for key, content in _PLAIN.items():
        if f'"{key}"' in order:
            return _json(key, content)
    first_line = order.lstrip().removeprefix(_TASK).strip().split("\n")[0].lower()
    if "title" in first_line:
        return _title(history)
    if "emoji" in first_line:
        return "📄"
    return None if history is None else "{}"


def _title(history: re.Match[str] | None) -> str:
    asked = _ASKED.search(history[1]) if history else None
    words = asked[1].split() if asked else []
    title = " ".join(words[:_TITLE_WORDS]).rstrip(" ?.!,;:")
    return title + ("…" if len(words) > _TITLE_WORDS else "") or "Question to the library"


def _json(key: str, content: object) -> str:
    return orjson.dumps({key: content}).decode()
