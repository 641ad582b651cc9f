"""The whole flow of an answer, over the sample library, with a model whose words are scripted."""

from pathlib import Path

import pytest

from ingest.errors import InvalidInput
from service import events
from service.app import Core, build
from service.assistant import MAX_QUESTION, Assistant, checked
from service.citations import Answer, Prices, Usage
from service.conversations import Conversations
from service.events import Event
from tests.conftest import settings
from tests.fakes.embedder import HashEmbedder
from tests.fakes.generator import ScriptedGenerator

pytestmark = pytest.mark.anyio

QUESTION = "How does BM25 weigh the terms of a query?"
TRUE = "BM25 multiplies an inverse document frequency weight by a saturating function"


def assistant(core: Core, folder: Path, generator: ScriptedGenerator | None) -> Assistant:
    history = Conversations(folder / "conversations.sqlite")
    return Assistant(core.retriever, core.library.embedder, history, generator=generator)


async def told(core: Core, folder: Path, *deltas: str, error: str = "") -> Answer:
    """The answer of a model that writes these deltas."""
    model = ScriptedGenerator(deltas, error)
    return await assistant(core, folder, model).answer(QUESTION)


async def test_a_mark_of_the_model_becomes_a_citation_with_evidence(
    core: Core, tmp_path: Path
) -> None:
    answer = await told(core, tmp_path, f"{TRUE} [1].")
    (citation,) = answer.citations

    assert answer.text == f"{TRUE} [1]."
    assert citation.paper.title.endswith("BM25 and Beyond")
    assert "saturating function" in citation.evidence[0].quote


async def test_a_mark_cut_between_deltas_is_whole_in_the_events(core: Core, tmp_path: Path) -> None:
    model = ScriptedGenerator([TRUE, " [", "1", "]", "."])
    deltas = [
        event.text
        async for event in assistant(core, tmp_path, model).ask(QUESTION)
        if isinstance(event, events.Delta)
    ]

    assert "[1]" in deltas
    assert "".join(deltas) == f"{TRUE} [1]."


async def test_the_citation_comes_before_its_mark(core: Core, tmp_path: Path) -> None:
    model = ScriptedGenerator([f"{TRUE} [1]."])
    seen: list[Event] = [e async for e in assistant(core, tmp_path, model).ask(QUESTION)]
    marks = [i for i, e in enumerate(seen) if isinstance(e, events.Delta) and "[1]" in e.text]
    cites = [i for i, e in enumerate(seen) if isinstance(e, events.Cites)]

    assert cites[0] < marks[0]


async def test_marks_are_numbered_by_first_use(core: Core, tmp_path: Path) -> None:
    answer = await told(core, tmp_path, "Terms are weighed [3]. Documents too [1]. Again [3].")

    assert answer.text == "Terms are weighed [1]. Documents too [2]. Again [1]."
    assert [c.n for c in answer.citations] == [1, 2]


async def test_a_mark_that_points_nowhere_is_removed_and_said(core: Core, tmp_path: Path) -> None:
    answer = await told(core, tmp_path, f"{TRUE} [1][77].")

    assert "77" not in answer.text
    assert any("removed" in note for note in answer.notes)


async def test_a_sentence_the_source_says_is_supported(core: Core, tmp_path: Path) -> None:
    answer = await told(core, tmp_path, f"{TRUE} of how often the term occurs [1].")

    assert answer.sentences[0].verdict in ("supported", "verbatim")


async def test_a_sentence_without_a_mark_is_uncited(core: Core, tmp_path: Path) -> None:
    answer = await told(core, tmp_path, f"{TRUE} [1]. Everybody knows that.")

    assert [s.verdict for s in answer.sentences][1] == "uncited"


async def test_a_number_the_source_does_not_have_is_altered(core: Core, tmp_path: Path) -> None:
    claim = f"{TRUE} of how often the term occurs, which improves recall by 37.5 % [1]."
    answer = await told(core, tmp_path, claim)

    assert answer.sentences[0].verdict == "altered"
    assert "37.5" in answer.sentences[0].reason


@pytest.mark.parametrize("deltas", [[], ["Half a sentence that"]])
async def test_a_failing_model_is_replaced_by_quotes_with_a_note(
    core: Core, tmp_path: Path, deltas: list[str]
) -> None:
    answer = await told(core, tmp_path, *deltas, error="The model is away.")

    assert (answer.engine, answer.state) == ("extractive", "answered")
    assert "Half a sentence" not in answer.text
    assert {s.verdict for s in answer.sentences} == {"verbatim"}
    assert answer.notes == ("The model is away. Quoted from the abstracts instead.",)


async def test_a_failure_amid_the_text_tells_the_doors_to_start_over(
    core: Core, tmp_path: Path
) -> None:
    model = ScriptedGenerator(["Half a sentence"], "The model is away.")
    seen = [e async for e in assistant(core, tmp_path, model).ask(QUESTION)]
    restart = next(i for i, e in enumerate(seen) if isinstance(e, events.Restart))
    after = "".join(e.text for e in seen[restart:] if isinstance(e, events.Delta))
    done = seen[-1]

    assert isinstance(done, events.Done)
    assert after == done.answer.text


async def test_a_question_of_another_world_is_not_sent_to_the_model(
    core: Core, tmp_path: Path
) -> None:
    model = ScriptedGenerator(["Lisbon [1]."])
    answer = await assistant(core, tmp_path, model).answer("What is the capital of Portugal?")

    assert model.prompts == []
    assert answer.state == "not_in_library"


async def test_the_answer_records_what_made_it(core: Core, tmp_path: Path) -> None:
    answer = await told(core, tmp_path, f"{TRUE} [1].")

    assert (answer.engine, answer.snapshot) == ("scripted", core.library.snapshot)
    assert answer.prompt_version
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (100, 20)


@pytest.mark.parametrize("question", ["", " \n", "?", "a", "\x00\x01", "x" * (MAX_QUESTION + 1)])
def test_what_is_no_question_is_refused(question: str) -> None:
    with pytest.raises(InvalidInput):
        checked(question)


def test_a_question_keeps_its_words() -> None:
    assert checked("  What is\u0000 BM25?\n") == "What is BM25?"


async def test_a_follow_up_is_searched_with_its_topic(core: Core, tmp_path: Path) -> None:
    helper = assistant(core, tmp_path, None)
    first = await helper.answer("What does ColBERT do with token vectors?", owner="ada")
    second = await helper.answer(
        "and what about its index size?", owner="ada", conversation_id=first.conversation_id
    )

    assert second.query == "index size: ColBERT do with token vectors"
    assert "ColBERT" in second.citations[0].paper.title


async def test_a_corrected_query_replaces_the_rewriting(core: Core, tmp_path: Path) -> None:
    answer = await assistant(core, tmp_path, None).answer("and this?", query=QUESTION)

    assert (answer.question, answer.query) == ("and this?", QUESTION)


async def test_what_the_model_read_and_wrote_is_charged(core: Core, tmp_path: Path) -> None:
    history = Conversations(tmp_path / "conversations.sqlite")
    model = ScriptedGenerator([f"{TRUE} [1]."])
    priced = Assistant(
        core.retriever, core.library.embedder, history, generator=model, prices=Prices(2.5, 10)
    )
    answer = await priced.answer(QUESTION)

    assert answer.usage == Usage(100, 20, 0.00045)


async def test_a_model_is_loaded_before_it_is_asked(tmp_path: Path) -> None:
    core = build(settings(tmp_path, model="m", openai_base_url="http://127.0.0.1:9/v1"))
    core.warm_up()
    llm = core.llm
    core.close()
    assert llm
    has_client = llm._client is not None
    await llm.close()

    assert has_client


async def test_every_sentence_of_a_model_is_embedded_once(core: Core, tmp_path: Path) -> None:
    embedder = HashEmbedder(core.library.embedder.dimension)
    conversations = Conversations(tmp_path / "conversations.sqlite")
    writer = ScriptedGenerator(["BM25 saturates term ", "frequency [1]. It is [2] robust [1][2]."])
    own = Assistant(core.retriever, embedder, conversations, generator=writer)
    await own.answer("How does BM25 weigh the terms of a query?")

    assert embedder.n_texts == 3  # two sentences, and what the first mark within one stands for
