"""A load test of the Slack app: 200 questions in 60 s over 20 channels, against the fake Slack.

    uv run python -m evals.slack_load [--questions 200] [--seconds 60] [--channels 20]

Answers are scripted; Slack, Bolt and SQLite are as in the tests. Prints
how many were answered, acknowledgement times in ms, whether threads kept their order, and memory
in MB before, between and after. Exit code 1 if the targets are missed.
"""

import argparse
import asyncio
import gc
import json
import random
import resource
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.fakes.slack_bed import Bed, bed, mention, said

_ACK_P99_MS = 500
_MEMORY_MB = 40  # growth from the first fifth of the questions to the end


async def measure(home: Path, *, questions: int, seconds: float, channels: int) -> dict[str, Any]:
    """Runs the load and returns what was measured."""
    async with bed(home, text="It is so. [1] " * 100, size=20) as b:
        plan = _plan(questions, seconds, channels)
        acks: list[float] = []
        memory = [_memory()]
        began = time.perf_counter()
        pending = set()
        for n, (at, event) in enumerate(plan):
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            pending.add(asyncio.create_task(_send(b, event, acks)))
            if n == questions // 5:
                memory.append(_memory())
        await asyncio.gather(*pending)
        await b.idle()
        memory.append(_memory())
        return _report(b, plan, acks, memory, time.perf_counter() - began)


def _plan(questions: int, seconds: float, channels: int) -> list[tuple[float, dict[str, Any]]]:
    """When which question comes: channels in turn, every one a thread that goes on."""
    order = random.Random(7)
    times = sorted(order.uniform(0, seconds) for _ in range(questions))
    plan = []
    for n, at in enumerate(times):
        channel, turn = n % channels, n // channels
        ts, root = f"{channel + 1}.{turn:04d}", f"{channel + 1}.0000"
        text = f"question {channel} {turn}"
        where = {"channel": f"C{channel + 1}"}
        event = said(text, ts, root, **where) if turn else mention(text, ts, **where)
        plan.append((at, event))
    return plan


async def _send(b: Bed, event: dict[str, Any], acks: list[float]) -> None:
    began = time.perf_counter()
    reply = await b.event(event)
    acks.append((time.perf_counter() - began) * 1000)
    assert reply.status_code == 200


def _report(
    b: Bed, plan: list[Any], acks: list[float], memory: list[float], took: float
) -> dict[str, Any]:
    turns = defaultdict(list)
    for asked in b.assistant.asked:
        _, channel, turn = asked.question.split()
        turns[channel].append(int(turn))
    acks.sort()
    replies = [m for m in b.slack.messages.values() if m.text]
    return {
        "questions": len(plan),
        "answered": len(b.assistant.asked),
        "replies": len(replies),
        "whole": sum(m.text == b.assistant.text and bool(m.blocks) for m in replies),
        "open_streams": len(b.slack.open_streams()),
        "in_order": all(found == sorted(found) for found in turns.values()),
        "ack_ms_p50": round(acks[len(acks) // 2], 1),
        "ack_ms_p99": round(acks[int(len(acks) * 0.99) - 1], 1),
        "memory_mb": [round(m, 1) for m in memory],
        "seconds": round(took, 1),
        "api_calls": len(b.slack.calls),
    }


def _memory() -> float:
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 2**20


def is_good(found: dict[str, Any]) -> bool:
    """Whether the targets are met."""
    return bool(
        found["questions"] == found["answered"] == found["replies"] == found["whole"]
        and not found["open_streams"]
        and found["in_order"]
        and found["ack_ms_p99"] < _ACK_P99_MS
        and found["memory_mb"][-1] - found["memory_mb"][-2] < _MEMORY_MB
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--channels", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        found = asyncio.run(measure(Path(home), **vars(given)))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    sys.exit(0 if is_good(found) else 1)


if __name__ == "__main__":
    main()
