"""An ingestion killed at any point loses nothing and leaves nothing half done.

Five kills; `python -m evals.kill` does fifty.
"""

from pathlib import Path

import pytest

from evals.kill import finish, kill_at, start, visible, write_corpus

N_FIRST, N_SECOND = 150, 60


@pytest.mark.slow
@pytest.mark.parametrize("aim", ["vectors", "graph", "pickle", "words", "manifest"])
def test_a_killed_run_is_taken_up_by_the_next(tmp_path: Path, aim: str) -> None:
    first, second, home = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "home"
    write_corpus(first, N_FIRST)
    write_corpus(second, N_SECOND, seed=1)
    finish(tmp_path / "calm", [first])
    undisturbed = finish(tmp_path / "calm", [second])
    finish(home, [first])
    kill_at(start(home, [second]), home, aim, 0.0)
    seen = visible(home)

    assert seen in (N_FIRST, N_FIRST + N_SECOND)
    assert finish(home, [second]) == undisturbed
