"""Do 10,000 conversations stay as fast as 100? `uv run python -m evals.conversations`.

One owner has them all, three answers each, as large as those of the sample library are.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import click

from service.citations import Answer, Timings, Usage
from service.conversations import Conversations, new_id

_TURNS = 3
_WORDS = "moss roof rain water green city bees heat soil plant".split()
_TEXT = "Moss on a flat roof holds 40 % of the rain [1]. " * 200  # 9.6 kB
_TIMES = 60
OWNER = "owner"


def answer(conversation_id: str | None) -> Answer:
    """An answer of ordinary size to store."""
    return Answer(
        id=new_id(), run_id="r", conversation_id=conversation_id, question="Why?", query="Why?",
        state="answered", text=_TEXT, sentences=(), citations=(), also_retrieved=(), notes=(),
        engine="extractive", prompt_version="", snapshot="s", settings_hash="h", usage=Usage(),
        timings=Timings(1, 2, 3), created_at="2026-01-01T00:00:00",
    )  # fmt: skip


def filled(path: Path, n: int) -> tuple[Conversations, list[str]]:
    """A history of `n` conversations, and their ids."""
    kept, ids = Conversations(path), []
    kept._run("PRAGMA synchronous = OFF")  # for filling alone
    for i in range(n):
        words = " ".join(_WORDS[(i // 10**p) % 10] for p in range(4))
        ids.append(kept.start(OWNER, f"What of {words} number {i}?"))
        for _ in range(_TURNS):
            kept.save(answer(ids[-1]))
    kept._run("PRAGMA synchronous = FULL")
    return kept, ids


def timings(kept: Conversations, ids: list[str]) -> dict[str, float]:
    """The median milliseconds of what a person does with a history."""
    middle = len(ids) // 2
    return {
        "list the last 100": _ms(lambda i: kept.of(OWNER)),
        "search the titles": _ms(lambda i: kept.of(OWNER, f"number {middle + i}")),
        "search in vain": _ms(lambda i: kept.of(OWNER, "tungsten")),
        "open one": _ms(lambda i: kept.turns(ids[(middle + i) % len(ids)])),
        "last turns": _ms(lambda i: kept.turns(ids[(middle + i) % len(ids)], 4)),
        "append": _ms(lambda i: kept.save(replace(answer(ids[i]), id=new_id()))),
        "start": _ms(lambda i: kept.start(OWNER, "Why?")),
        "rename": _ms(lambda i: kept.rename(ids[i], OWNER, "Moss")),
        "delete": _ms(lambda i: kept.delete(ids[i], OWNER)),
    }


def _ms(act: Callable[[int], object]) -> float:
    spent = []
    for i in range(_TIMES):
        start = time.perf_counter()
        act(i)
        spent.append(time.perf_counter() - start)
    return median(spent) * 1000


@click.command()
@click.option("--n", default=10_000, help="Conversations to compare with 100.")
def main(n: int) -> None:
    """Prints milliseconds over 100 and over many conversations, and their ratio."""
    found = []
    for size in (100, n):
        with tempfile.TemporaryDirectory() as folder:
            kept, ids = filled(Path(folder) / "conversations.sqlite", size)
            found.append(timings(kept, ids))
            kept.close()
    click.echo(f"| ms, median of {_TIMES} | 100 | {n:,} | ratio |\n|---|---|---|---|")
    for name, few in found[0].items():
        many = found[1][name]
        click.echo(f"| {name} | {few:.2f} | {many:.2f} | {many / few:.1f} |")


if __name__ == "__main__":
    main()
