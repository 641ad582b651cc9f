"""Kills ingestions at many moments and checks that the next run ends as if nothing had happened.

    uv run python -m evals.kill [--rounds 50] [--papers 300]

Half of the kills come at a random moment, the others as soon as a certain file appears: the
first vectors, Chroma's graph and its pickle (the window in which a kill makes Chroma's own folder
unreadable), the words, the manifest, the pointer. After each kill the library must open as it was
before or as it is after, never in between; the next run must end with the snapshot of an
undisturbed run, every paper once, and nothing for `doctor` to say.
"""

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from evals.ingest_embedder import WordSumEmbedder
from ingest.build import ingest
from ingest.dense import EmbeddedChroma
from ingest.doctor import examine
from ingest.errors import Unavailable
from ingest.library import Library
from ingest.sources import discover

AIMS = {
    "vectors": "vectors/*/chunks.f16",
    "graph": "generations/*/chroma/*/data_level0.bin",
    "pickle": "generations/*/chroma/*/index_metadata.pickle",
    "words": "generations/*/words/*.term",
    "manifest": "generations/*/manifest.json",
    "pointer": "generations/CURRENT*",
}
_LONGEST_S = 120.0


def write_corpus(path: Path, n: int, *, seed: int = 0) -> None:
    """A JSONL file of `n` different papers of about 60 words."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            words = [f"w{rng.randrange(3000)}" for _ in range(60)]
            text = ". ".join(" ".join(words[at : at + 15]) for at in range(0, 60, 15))
            row = {"id": f"{seed}-{i}", "title": f"Paper {seed} {i}", "abstract": f"{text}."}
            file.write(json.dumps(row | {"authors": [f"A B{i}"], "year": 2000 + i % 20}) + "\n")


def opened(home: Path) -> Library:
    return Library(home, WordSumEmbedder(), EmbeddedChroma())


def start(home: Path, files: Sequence[Path]) -> BaseProcess:
    """A process that ingests the files.

    It comes of a server that has imported everything but opened nothing, which saves the seconds
    that imports take.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["chromadb.api.rust", "ingest.build", "ingest.doctor"])
    process = context.Process(target=finish, args=(home, files))
    process.start()
    return process


def kill_at(process: BaseProcess, home: Path, aim: str, after_s: float) -> bool:
    """Kills the process `after_s` after the aimed-at file is new; whether it was still alive."""
    pattern = AIMS.get(aim)
    before = _stamps(home, pattern)
    deadline = time.monotonic() + _LONGEST_S
    while pattern and _stamps(home, pattern) == before and process.is_alive():
        assert time.monotonic() < deadline, f"{aim} never came"
    process.join(after_s)
    was_alive = process.is_alive()
    process.kill()
    process.join()
    process.close()
    return was_alive


def visible(home: Path) -> int:
    """How many papers a reader sees, all of them with their text; 0 for a library without any."""
    library = opened(home)
    try:
        with library.pinned() as generation:
            ordinals = generation.columns.ordinals.tolist()
            papers = library.papers(ordinals)
            assert [p.ordinal for p in papers] == ordinals, "a paper is gone from the catalogue"
            assert all(p.chunks and p.sentences for p in papers), "half a paper"
            return len(papers)
    except Unavailable:
        return 0
    finally:
        library.close()


def finish(home: Path, files: Sequence[Path]) -> tuple[str, int, list[str]]:
    """Ingests to the end: snapshot, papers, and what the doctor finds wrong."""
    library = opened(home)
    try:
        report = ingest(library, [s for f in files for s in discover(f)])
        wrong = [f.problem for f in examine(library) if f.problem and f.part != "disk"]
        return report.snapshot, report.papers, wrong
    finally:
        library.close()


def _stamps(home: Path, pattern: str | None) -> set[tuple[str, int]]:
    found = set()
    for file in home.glob(pattern) if pattern else ():
        try:
            found.add((file.name, file.stat().st_ino))
        except FileNotFoundError:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--papers", type=int, default=300)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="citelight-kill-") as folder:
        _rounds(Path(folder), args.rounds, args.papers)


def _rounds(folder: Path, n_rounds: int, n_papers: int) -> None:
    first, second = folder / "first.jsonl", folder / "second.jsonl"
    write_corpus(first, n_papers)
    write_corpus(second, n_papers // 3, seed=1)
    halves = finish(folder / "calm", [first])
    began = time.monotonic()
    whole = finish(folder / "calm", [second])
    longest = time.monotonic() - began
    rng = random.Random(1)
    outcomes: dict[str, int] = {}
    for n in range(n_rounds):
        aim = "any" if n % 2 else list(AIMS)[n // 2 % len(AIMS)]
        home = folder / f"home{n}"
        # Every other home has papers already, so that a copy of a generation is what is torn.
        if n % 4 > 1:
            assert finish(home, [first]) == halves
        after = rng.uniform(0, longest) if aim == "any" else rng.uniform(0, 0.05)
        files = [second] if n % 4 > 1 else [first]
        was_alive = kill_at(start(home, files), home, aim, after)
        seen = visible(home) if home.exists() else 0
        allowed = {halves[1], whole[1]} if n % 4 > 1 else {0, halves[1]}
        assert seen in allowed, f"{seen} papers are visible"
        assert finish(home, files) == (whole if n % 4 > 1 else halves), f"round {n} differs"
        outcomes[aim] = outcomes.get(aim, 0) + was_alive
        print(f"{n + 1:3} {aim:9} {'killed' if was_alive else 'was over'}  {seen} visible")  # noqa: T201
    print(json.dumps({"rounds": n_rounds, "killed": outcomes, "papers": whole[1]}))  # noqa: T201


if __name__ == "__main__":
    main()
