"""A circuit breaker: what keeps failing is left alone for a while."""

import time
from collections.abc import Callable


class Breaker:
    """Refuses calls for `pause_s` seconds after `threshold` failures in a row.

    After the pause one call is let through as a trial: its success closes the breaker, its
    failure begins the next pause. Every call admitted ends in `succeed`, `fail` or `release`.
    """

    def __init__(
        self,
        *,
        threshold: int = 3,
        pause_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = threshold
        self._pause_s = pause_s
        self._clock = clock
        self._n_failures = 0
        self._opened_at: float | None = None
        self._is_trying = False

    def admit(self) -> bool:
        """Whether a call may be made now."""
        if self._opened_at is None:
            return True
        if self._is_trying or self._clock() - self._opened_at < self._pause_s:
            return False
        self._is_trying = True
        return True

    def succeed(self) -> None:
        """The call worked."""
        self._n_failures, self._opened_at, self._is_trying = 0, None, False

    def fail(self) -> None:
        """The other side did not do its part."""
        self._n_failures += 1
        if self._is_trying or self._n_failures >= self._threshold:
            self._opened_at, self._is_trying = self._clock(), False

    def release(self) -> None:
        """The call ended in a way that says nothing about the other side."""
        self._is_trying = False
