"""Takes the think blocks of reasoning models out of a stream of deltas."""

import re

_NAMES = ("think", "thinking", "thought", "reasoning")
_OPENERS = tuple(f"<{name}>" for name in _NAMES)
_CLOSERS = tuple(f"</{name}>" for name in _NAMES)
_CLOSED = re.compile(rf"</(?:{'|'.join(_NAMES)})>\Z", re.I)
_LONGEST_TAG = max(map(len, _CLOSERS))


class ThinkFilter:
    """Drops `<think>…</think>`, however the deltas cut it.

    A block that opens a line is dropped even if it never closes. An opener inside a line may be
    prose about such tags: its block is dropped once it closes, and given out by `close` if it
    never does. In backticks the tags are text.

    `is_thinking` says that the model starts inside a block whose opener the server swallowed.
    `has_stray_end` tells that a block ended which never began: all text before was thought.
    """

    def __init__(self, *, is_thinking: bool = False) -> None:
        self.has_stray_end = False
        self._is_thinking = is_thinking
        self._is_certain = True  # of the block that is open
        self._dropped = ""
        self._held = ""
        self._line = ""  # what was given out of the current line
        self._is_after_block = is_thinking

    def feed(self, delta: str) -> str:
        """The text that became certain with `delta`."""
        given = ""
        while delta:
            if not (self._is_thinking or self._held):
                plain, tag, delta = delta.partition("<")
                given += self._give(plain)
                delta = tag + delta
            given += self._step(delta[:1])
            delta = delta[1:]
        return given

    def close(self) -> str:
        """The rest; the stream is over."""
        if self._is_thinking:
            return "" if self._is_certain else self._dropped
        held, self._held = self._held, ""
        return self._give(held)

    def _step(self, character: str) -> str:
        if self._is_thinking:
            self._think(character)
            return ""
        self._held += character
        given = ""
        while self._held and not _may_be_tag(self._held):
            given += self._give(self._held[0])
            self._held = self._held[1:]
        tag = self._held.casefold()
        if tag not in _OPENERS + _CLOSERS:
            return given
        if self._line.endswith("`"):
            given += self._give(self._held)
        elif tag in _OPENERS:
            self._is_thinking, self._dropped = True, self._held
            self._is_certain = not self._line.strip()
        else:
            self.has_stray_end = True
        self._held = ""
        return given

    def _think(self, character: str) -> None:
        self._dropped += character
        if self._is_certain:
            self._dropped = self._dropped[-_LONGEST_TAG:]
        if character == ">" and _CLOSED.search(self._dropped[-_LONGEST_TAG:]):
            self._is_thinking, self._is_after_block = False, True

    def _give(self, text: str) -> str:
        if self._is_after_block and not self._line.rstrip("\n"):
            text = text.lstrip()
        if text:
            self._is_after_block = False
            self._line = (self._line + text).rpartition("\n")[2][-80:]
        return text


def _may_be_tag(held: str) -> bool:
    start = held.casefold()
    return any(tag.startswith(start) for tag in _OPENERS + _CLOSERS)
