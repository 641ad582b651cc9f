"""What ingestion costs beside embedding, at 77,554 papers: time, memory, disk, and again.

    uv run python -m evals.ingest_scale CORPUS.jsonl.gz [--limit N]

Steps, each in a process of its own: all records into an empty library; the same again; 500 papers
more; 500 papers more and 50 changed. Prints one JSON line a step.
"""

import argparse
import gzip
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evals.ingest_embedder import WordSumEmbedder
from ingest.build import ingest
from ingest.dense import EmbeddedChroma
from ingest.library import Library
from ingest.sources import discover

_MORE = 500
_CHANGED = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--limit", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="run one step in this library")
    parser.add_argument("--name", default="")
    args = parser.parse_args()
    if args.home:
        _step(args.home, args.corpus, args.name)
        return
    with tempfile.TemporaryDirectory(prefix="citelight-scale-") as folder:
        home, files = Path(folder, "home"), _files(args.corpus, args.limit, Path(folder))
        for name, file in files:
            command = [sys.executable, "-m", "evals.ingest_scale", str(file)]
            subprocess.run([*command, "--home", str(home), "--name", name], check=True)


def _files(corpus: Path, limit: int, folder: Path) -> list[tuple[str, Path]]:
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        read = list(itertools.islice(lines, limit))
    first, more, last = read[: -2 * _MORE], read[-2 * _MORE : -_MORE], read[-_MORE:]
    changed = [json.dumps(json.loads(line) | {"venue": "Changed"}) for line in first[:_CHANGED]]
    for name, content in (("all", first), ("more", more), ("last", [*last, *changed])):
        (folder / f"{name}.jsonl").write_text("\n".join(content), encoding="utf-8")
    steps = [("first", "all"), ("again", "all"), (f"+{_MORE}", "more")]
    steps += [(f"+{_MORE} and {_CHANGED} changed", "last"), ("again after", "all")]
    return [(name, folder / f"{file}.jsonl") for name, file in steps]


def _step(home: Path, corpus: Path, name: str) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    library = Library(home, WordSumEmbedder(), EmbeddedChroma())
    told: list[float] = []
    report = ingest(
        library, list(discover(corpus)), progress=lambda n: told.append(time.perf_counter())
    )
    stored = told[-1] - start if told else 0.0
    took = time.perf_counter() - start
    library.close()
    sizes = {
        part: sum(f.stat().st_size for f in home.glob(pattern) if f.is_file())
        for part, pattern in (
            ("catalogue", "catalogue.sqlite"),
            ("vectors", "vectors/**/*"),
            ("chroma", f"generations/{library.generations.numbers()[-1]:06d}/chroma/**/*"),
            ("words", f"generations/{library.generations.numbers()[-1]:06d}/words/*"),
        )
    }
    print(  # noqa: T201
        json.dumps(
            {
                "step": name,
                **{k: v for k, v in report.as_dict().items() if k != "rejected"},
                "seconds": round(took, 1),
                "until_stored_s": round(stored, 1),
                "publish_s": round(took - stored, 1),
                "cpu_s": round(time.process_time() - cpu, 1),
                "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "mb": {part: size // 1_000_000 for part, size in sizes.items()},
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
