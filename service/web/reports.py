"""What went wrong in a reader's browser, for the operator's log."""

import logging
import time
from collections import deque
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, ValidationError

logger = logging.getLogger(__name__)

MAX_BYTES = 4096
MAX_PER_MINUTE = 30  # a broken page in a loop must not fill the log


class Report(BaseModel):
    """One error as the page describes it; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(pattern="^(error|rejection|csp)$")
    message: str = Field(max_length=500)
    place: str = Field(default="", max_length=300)
    page: str = Field(default="", max_length=300)


class ReportDesk:
    """Takes reports at a bounded rate and writes each as one line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: deque[float] = deque(maxlen=MAX_PER_MINUTE)

    def take(self, body: bytes) -> int:
        """Log the report; the HTTP status to answer with (204, 413, 422 or 429)."""
        if len(body) > MAX_BYTES:
            return 413
        try:
            report = Report.model_validate_json(body)
        except ValidationError:
            return 422
        if not self._has_room():
            return 429
        # repr keeps line breaks of a hostile page from forging log lines
        logger.warning(
            "browser %s: %r at %r on %r", report.kind, report.message, report.place, report.page
        )
        return 204

    def _has_room(self) -> bool:
        now = self._clock()
        if len(self._taken) == MAX_PER_MINUTE and now - self._taken[0] < 60:
            return False
        self._taken.append(now)
        return True
