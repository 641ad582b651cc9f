"""Text for Slack: Markdown made inert, and cut where a message is full."""

import re
import unicodedata
from urllib.parse import quote, urlsplit

MESSAGE_BYTES = 9_000  # UTF-8; Slack refuses streamed messages from about 10.6 kB on
_GAP = "\u200b"  # shows nothing, and breaks what would be a mention or a link
_ACTIVE = ("<!", "<@", "<#", "<mailto:", "<tel:", "](", "]:", "://")
_ACTIVE_MARK = re.compile("|".join(f"{re.escape(a[0])}(?={re.escape(a[1:])})" for a in _ACTIVE))
_BREAKS = ("\n\n", "\n", ". ", "。", " ")
_MAX_URL = 500  # longer ones are no addresses of papers, and fill a message
_ZWJ = "\u200d"
_URL_SAFE = "/:?#[]@!$&'()*+,;=%~-._"
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def inert(text: str) -> str:
    """Markdown in which mentions, links and link definitions do nothing; it reads the same."""
    return _ACTIVE_MARK.sub(lambda found: found[0] + _GAP, text)


def unfinished(text: str) -> int:
    """How many characters at the end may begin something active that the next piece completes."""
    longest = 0
    for active in _ACTIVE:
        for length in range(1, len(active)):
            if text.endswith(active[:length]):
                longest = max(longest, length)
    at = len(text) - longest
    while (before := _around(text, at)) is not None:
        at = before  # what is held must not begin inside another one
    return len(text) - at


def _around(text: str, at: int) -> int | None:
    """Where something active begins that the place `at` is inside of; None if there is none."""
    for active in _ACTIVE:
        found = text.find(active, max(0, at - len(active) + 1), at + len(active) - 1)
        if 0 <= found < at:
            return found
    return None


def fitting(text: str, room: int, *, is_first: bool) -> int:
    """How many characters of `text` go into a message with `room` bytes left.

    All if they fit; else up to the end of a paragraph, line, sentence or word. 0 says that the
    next message should begin here; never 0 if the message is empty (`is_first`).
    """
    encoded = text.encode()
    if len(encoded) <= room:
        return len(text)
    most = len(encoded[: max(0, room)].decode(errors="ignore"))
    for mark in _BREAKS:
        at = text.rfind(mark, most // 2 if is_first else 0, most)
        if at >= 0:
            return at + len(mark)
    if not is_first:
        return 0
    while most > 1 and _belong_together(text[most - 1], text[most]):
        most -= 1
    return max(most, 1)


def messages(text: str) -> list[str]:
    """The text cut into messages; joined they are the text."""
    parts: list[str] = []
    while text:
        n = fitting(text, MESSAGE_BYTES, is_first=True)
        parts.append(text[:n])
        text = text[n:]
    return parts


def _belong_together(before: str, after: str) -> bool:
    """Whether the two characters are shown as one, as in accents, flags and joined emoji."""
    return (
        _ZWJ in (before, after)
        or unicodedata.category(after) in ("Mn", "Me", "Mc")
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")
    )


def escaped(text: str) -> str:
    """Data for a mrkdwn field, on one line."""
    return " ".join(text.split()).translate(_ENTITIES)


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word and with an ellipsis where it is longer."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    return (kept[: kept.rfind(" ")] if " " in kept[limit // 2 :] else kept) + "…"


def web_address(url: str | None) -> str | None:
    """The address with what could end a Slack link encoded; None unless it is http or https."""
    if not url:
        return None
    try:
        is_web = urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return None
    address = quote(url.strip(), safe=_URL_SAFE)
    return address if is_web and len(address) <= _MAX_URL else None


def link(url: str | None, label: str) -> str:
    """A mrkdwn link with a label of data; the label alone where there is no web address."""
    address = web_address(url)
    label = escaped(label)
    return f"<{address.translate(_ENTITIES)}|{label.replace('|', '¦')}>" if address else label
