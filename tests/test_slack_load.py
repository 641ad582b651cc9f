"""Many questions at once: a small run of the load test."""

from pathlib import Path

import pytest

from evals.slack_load import measure

pytestmark = pytest.mark.anyio


async def test_a_burst_is_answered_once_each_and_in_order(tmp_path: Path) -> None:
    found = await measure(tmp_path, questions=40, seconds=0.5, channels=8)

    assert found["answered"] == found["whole"] == 40
    assert found["in_order"]
    assert found["open_streams"] == 0
