"""How many requests a minute somebody may make."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_KEPT = 10_000  # callers remembered; one that is forgotten starts afresh


@dataclass(slots=True)
class _Bucket:
    left: float
    filled_at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit. `wait_s` is when the next request is allowed: 0 for now."""

    limit: int
    left: int
    wait_s: int

    def headers(self) -> dict[str, str]:
        reset = math.ceil((self.limit - self.left) * 60 / self.limit)
        told = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.left),
            "X-RateLimit-Reset": str(reset),
        }
        return told | ({"Retry-After": str(self.wait_s)} if self.wait_s else {})


class Limiter:
    """A token bucket a caller, filled evenly, a minute's worth at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str, per_minute: int) -> Allowance:
        """Takes one request from the caller's bucket, if there is one in it."""
        now = self._clock()
        bucket = self._buckets.setdefault(caller, _Bucket(per_minute, now))
        self._buckets.move_to_end(caller)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        filled = bucket.left + (now - bucket.filled_at) * per_minute / 60
        bucket.left, bucket.filled_at = min(filled, per_minute), now
        if bucket.left < 1:
            return Allowance(per_minute, 0, math.ceil((1 - bucket.left) * 60 / per_minute))
        bucket.left -= 1
        return Allowance(per_minute, int(bucket.left), 0)
