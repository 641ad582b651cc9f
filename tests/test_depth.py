"""Answers beyond one search and one draft: tables, lists, parts, repairs, strictness, replays."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from service import events
from service.app import Core
from service.assistant import Assistant
from service.citations import Answer, plain
from service.conversations import Conversations
from service.generate import Delta, Prompt, Usage
from service.replay import replay
from tests.fakes.generator import ScriptedGenerator

pytestmark = pytest.mark.anyio

QUESTION = "How does BM25 weigh the terms of a query?"
TRUE = "BM25 multiplies an inverse document frequency weight by a saturating function"
WRONG = f"{TRUE}, which improves recall by 37.5 %"


class Turns(ScriptedGenerator):
    """Writes a text a call, the last one again and again."""

    def __init__(self, *texts: str, is_cut: bool = False) -> None:
        super().__init__(())
        self._texts = texts
        self._is_cut = is_cut

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Delta | Usage, None]:
        text = self._texts[min(len(self.prompts), len(self._texts) - 1)]
        self.prompts.append(prompt)
        yield Delta(text)
        yield Usage(100, 20, self._is_cut)


def assistant(
    core: Core, folder: Path, model: ScriptedGenerator | None = None, *, is_strict: bool = False
) -> Assistant:
    return Assistant(
        core.retriever,
        core.library.embedder,
        Conversations(folder / "conversations.sqlite"),
        generator=model,
        is_strict=is_strict,
    )


async def strict(core: Core, folder: Path, *deltas: str) -> Answer:
    return await assistant(core, folder, ScriptedGenerator(deltas), is_strict=True).answer(QUESTION)


async def test_a_comparison_is_a_table_of_quotes(core: Core, tmp_path: Path) -> None:
    answer = await assistant(core, tmp_path).answer("Compare ColBERT and dense passage retrieval")
    titles = [c.paper.title for c in answer.citations]

    assert "| | ColBERT | dense passage retrieval |\n|---|---|---|\n" in answer.text
    assert any(t.startswith("ColBERT") for t in titles)
    assert "Dense Passage Retrieval for Open-Domain Question Answering" in titles
    assert {s.verdict for s in answer.sentences} == {"verbatim"}


async def test_a_survey_lists_papers_that_speak_of_the_subject(core: Core, tmp_path: Path) -> None:
    answer = await assistant(core, tmp_path).answer("Which papers use MS MARCO?")
    lines = answer.text.split("\n")

    assert len(lines) == len(answer.citations) >= 4
    assert all(line.startswith("- **") for line in lines)
    assert all(
        "MS MARCO" in c.evidence[0].quote or "MARCO" in c.paper.title for c in answer.citations
    )


async def test_a_thorough_answer_has_a_part_for_each_question(core: Core, tmp_path: Path) -> None:
    asked = "Why does dropout help and what is the capital of Portugal?"
    answer = await assistant(core, tmp_path).answer(asked, depth="thorough")

    assert answer.text.startswith("### Why does dropout help\n")
    assert answer.text.endswith(
        "### what is the capital of Portugal\n\nThe abstracts found do not say."
    )
    assert (answer.state, answer.depth) == ("partial", "thorough")


async def test_a_partial_answer_names_what_is_missing(core: Core, tmp_path: Path) -> None:
    asked = "Why does dropout help and what is the capital of Portugal?"
    answer = await assistant(core, tmp_path).answer(asked, depth="thorough")

    assert "“portugal”" in answer.notes[0]


async def test_a_refusal_offers_other_questions(core: Core, tmp_path: Path) -> None:
    answer = await assistant(core, tmp_path).answer("What is the capital of Portugal?")

    assert answer.state == "not_in_library"
    assert all(s.endswith("?") for s in answer.suggestions)


async def test_a_refused_sentence_is_mended(core: Core, tmp_path: Path) -> None:
    model = Turns(
        QUESTION,
        f"{WRONG} [1]. {TRUE} of how often the term occurs [1].",
        f"{TRUE} of how often the term occurs [1]. {TRUE} of the term's occurrences [1].",
    )
    seen = [e async for e in assistant(core, tmp_path, model).ask(QUESTION, depth="thorough")]
    done = seen[-1]

    assert isinstance(done, events.Done)
    assert "37.5" not in done.answer.text
    assert any(isinstance(e, events.Restart) for e in seen)
    assert "37.5" in model.prompts[2].messages[1].content
    assert done.answer.usage.prompt_tokens == 200


async def test_a_repair_that_throws_much_away_is_rejected(core: Core, tmp_path: Path) -> None:
    model = Turns(QUESTION, f"{WRONG} [1]. {TRUE} of how often the term occurs [1].", "BM25 [1].")
    answer = await assistant(core, tmp_path, model).answer(QUESTION, depth="thorough")

    assert "37.5" in answer.text
    assert answer.sentences[0].verdict == "altered"


async def test_repairs_end_after_three_rounds(core: Core, tmp_path: Path) -> None:
    wrong = [f"{TRUE} by {n} % [1]." for n in (11, 22, 33, 44, 55, 66)]
    texts = [" ".join(wrong[: 6 - n] + [f"{TRUE} [1]."] * n) for n in range(6)]
    model = Turns(QUESTION, *texts)
    await assistant(core, tmp_path, model).answer(QUESTION, depth="thorough")

    assert len(model.prompts) <= 5


async def test_a_strict_answer_drops_what_is_altered_or_uncited(core: Core, tmp_path: Path) -> None:
    answer = await strict(
        core, tmp_path, f"{WRONG} [1]. Everybody knows. {TRUE} of how often the term occurs [1]."
    )

    assert answer.text == f"{TRUE} of how often the term occurs [1]."
    assert [c.n for c in answer.citations] == [1]
    assert len(answer.sentences) == 1


async def test_a_strict_answer_of_which_nothing_is_left_is_quoted(
    core: Core, tmp_path: Path
) -> None:
    answer = await strict(core, tmp_path, "Everybody knows that. Ask your neighbour.")

    assert answer.engine == "extractive"
    assert {s.verdict for s in answer.sentences} == {"verbatim"}


async def test_a_sentence_cut_by_the_limit_is_shown_as_cut(core: Core, tmp_path: Path) -> None:
    model = Turns(f"{TRUE} [1]. In BM25 the parameter k1", is_cut=True)
    answer = await assistant(core, tmp_path, model).answer(QUESTION)

    assert answer.text.endswith("the parameter k1 …")
    assert answer.sentences[-1].reason.startswith("unfinished")


async def test_a_strict_answer_has_no_cut_sentence(core: Core, tmp_path: Path) -> None:
    model = Turns(f"{TRUE} of how often [1]. In BM25 the parameter k1 [1] sets", is_cut=True)
    answer = await assistant(core, tmp_path, model, is_strict=True).answer(QUESTION)

    assert answer.text == f"{TRUE} of how often [1]."


async def test_a_quoted_answer_replays_to_the_byte(core: Core, tmp_path: Path) -> None:
    helper = assistant(core, tmp_path)
    replayed = await replay(helper, plain(await helper.answer(QUESTION)))

    assert (replayed.is_same, replayed.reasons, replayed.difference) == (True, (), "")


async def test_a_replay_tells_that_another_model_writes(core: Core, tmp_path: Path) -> None:
    model = ScriptedGenerator([f"{TRUE} [1]."])
    stored = plain(await assistant(core, tmp_path, model).answer(QUESTION))
    replayed = await replay(assistant(core, tmp_path), stored)

    assert not replayed.is_same
    assert replayed.reasons[0] == "It was written by scripted, now by extractive."
    assert replayed.difference.startswith("--- then")


async def test_a_replay_names_papers_that_came_and_went(core: Core, tmp_path: Path) -> None:
    helper = assistant(core, tmp_path)
    stored = plain(await helper.answer(QUESTION)) | {"snapshot": "older"}
    stored["citations"][0]["paper"] |= {"id": "gone", "title": "A paper that left"}
    reasons: Sequence[str] = (await replay(helper, stored)).reasons

    assert "No longer found: A paper that left" in reasons
    assert any(r.startswith("Now found: The Probabilistic") for r in reasons)


async def test_a_replay_is_not_kept(core: Core, tmp_path: Path) -> None:
    helper = assistant(core, tmp_path)
    first = await helper.answer(QUESTION)
    again = await replay(helper, plain(first))
    history = Conversations(tmp_path / "conversations.sqlite")

    assert history.answer(first.id)["text"] == first.text
    with pytest.raises(Exception, match="no such answer"):
        history.answer(again.answer.id)
