"""The commands about answers: replay, feedback export, eval answers."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.conversations import Conversations

QUESTION = "How much rain does moss hold?"
TITLE = "Rain on flat roofs"
ABSTRACT = "Flat roofs hold rain. Moss on a flat roof holds 40 % of the rain."

BEES = {"title": "Bees in cities", "abstract": "Bees live in cities, on roofs and in parks."}


def run(home: Path, *arguments: object) -> Result:
    return CliRunner(env={"CITELIGHT_HOME": str(home)}).invoke(cli, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    file = home / "papers.jsonl"
    papers = [{"id": "a1", "title": TITLE, "abstract": ABSTRACT}, {"id": "a2", **BEES}]
    file.write_text("\n".join(json.dumps(paper) for paper in papers))
    assert run(home, "ingest", file).exit_code == 0
    return home


@pytest.fixture(scope="module")
def answer_id(home: Path) -> str:
    """An answer with feedback: helpful as a whole, and not."""
    answer_id = str(json.loads(run(home, "ask", QUESTION, "--json").stdout)["id"])
    kept = Conversations(home / "conversations.sqlite")
    kept.give_feedback(answer_id, True)
    kept.give_feedback(answer_id, False, reason="too short", n=1)
    kept.close()
    return answer_id


def test_a_thorough_answer_can_be_asked_for(home: Path) -> None:
    asked = run(home, "ask", "What holds rain, and how much does moss hold?", "--depth", "thorough")
    thorough = Conversations(home / "conversations.sqlite").last(1)[0]

    assert (asked.exit_code, thorough["depth"]) == (0, "thorough")


def test_a_partial_answer_shows_what_is_missing_and_what_to_ask(home: Path) -> None:
    shown = run(home, "ask", "How much rain do copper roofs hold?")

    assert "None of the abstracts found mentions “copper”." in shown.stderr
    assert "You could ask:\n  - What does “Bees in cities” find?" in shown.stdout


def test_replay_gives_the_same_bytes(home: Path, answer_id: str) -> None:
    again = run(home, "replay", answer_id)

    assert (again.exit_code, again.stdout) == (0, "The same answer, to the byte.\n")


def test_replay_of_no_answer_is_an_error(home: Path) -> None:
    again = run(home, "replay", "nope")

    assert (again.exit_code, again.stderr[:6]) == (1, "Error:")


def test_exported_feedback_can_be_measured(home: Path, answer_id: str) -> None:
    exported = run(home, "feedback", "export").stdout
    cases = home / "cases.jsonl"
    cases.write_text(exported)
    measured = run(home, "eval", "answers", "--questions", cases, "--json")

    assert [json.loads(line).get("titles") for line in exported.splitlines()] == [[TITLE], None]
    assert json.loads(measured.stdout)["right_first"] == 1.0


def test_a_missed_gate_fails_eval_answers(home: Path, answer_id: str) -> None:
    measured = run(home, "eval", "answers", "--gate", "cited=1.1")

    assert measured.exit_code == 1
    assert "cited is 1.0000, at least 1.1000 is wanted" in measured.stderr


def test_a_met_gate_passes_eval_answers(home: Path, answer_id: str) -> None:
    measured = run(home, "eval", "answers", "--gate", "offset_validity=1", "--json")

    assert (measured.exit_code, json.loads(measured.stdout)["answers"] >= 1) == (0, True)
