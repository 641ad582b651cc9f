"""An assistant whose answers are watched: counted, logged, traced."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from service.assistant import Assistant
from service.events import Event

Watcher = Callable[[AsyncGenerator[Event]], AsyncGenerator[Event]]


class WatchedAssistant(Assistant):
    """Answers as `inner` does; each stream of events goes through the watchers, first one first.

    A watcher gives on every event, and what is raised.
    """

    def __init__(self, inner: Assistant, watchers: Sequence[Watcher]) -> None:
        self._inner = inner
        self._watchers = tuple(watchers)

    def ask(self, question: str, **asked: Any) -> AsyncGenerator[Event]:  # Any: as of `inner`
        """The events of `inner.ask`, watched."""
        stream = self._inner.ask(question, **asked)
        for watch in self._watchers:
            stream = watch(stream)
        return stream
