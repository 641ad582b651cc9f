"""The `openai` client and a whole answer against llama.cpp's own server."""

from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from service.app import Core
from service.assistant import Assistant
from service.conversations import Conversations
from service.generate import Delta, GenerationFailed, Message, Prompt, Usage
from service.llm import LLM
from tests.fakes.llama import N_CTX, llama_server

pytest.importorskip("xllamacpp")  # no wheel for this machine
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with llama_server(tmp_path_factory.mktemp("llama")) as url:
        yield url


def asking(question: str, max_tokens: int) -> Prompt:
    return Prompt((Message("system", "Cite."), Message("user", question)), max_tokens, "v1", (1,))


async def collect(base_url: str, prompt: Prompt) -> list[Delta | Usage]:
    llm = LLM("tiny", base_url=base_url, n_retries=0)
    try:
        return [part async for part in llm.generate(prompt)]
    finally:
        await llm.close()


async def test_llama_cpp_answers_with_its_counts(base_url: str) -> None:
    *deltas, usage = await collect(base_url, asking("Why?", 12))

    assert "".join(d.text for d in deltas if isinstance(d, Delta)).strip()
    assert isinstance(usage, Usage)
    assert (usage.completion_tokens, usage.is_cut) == (12, True)
    assert usage.prompt_tokens


async def test_llama_cpp_answers_the_same_again(base_url: str) -> None:
    prompt = asking("Does moss hold rain?", 20)

    assert await collect(base_url, prompt) == await collect(base_url, prompt)


async def test_a_prompt_beyond_the_window_of_llama_cpp_says_what_to_lower(base_url: str) -> None:
    with pytest.raises(GenerationFailed, match="CITELIGHT_CONTEXT_WINDOW"):
        await collect(base_url, asking("moss " * 2 * N_CTX, 10))


async def test_leaving_llama_cpp_frees_its_only_slot(base_url: str) -> None:
    llm = LLM("tiny", base_url=base_url)
    async with aclosing(llm.generate(asking("Why?", N_CTX - 500))) as parts:
        await anext(parts)
    *_, usage = [part async for part in llm.generate(asking("And now?", 5))]
    await llm.close()

    assert isinstance(usage, Usage)
    assert usage.completion_tokens == 5


async def test_babble_of_llama_cpp_becomes_a_valid_answer(
    base_url: str, core: Core, tmp_path: Path
) -> None:
    llm = LLM("tiny", base_url=base_url, context_window=N_CTX, max_answer_tokens=60)
    history = Conversations(tmp_path / "conversations.sqlite")
    assistant = Assistant(core.retriever, core.library.embedder, history, generator=llm)
    answer = await assistant.answer("How does BM25 weigh the terms of a query?")
    await llm.close()
    numbers = [citation.n for citation in answer.citations]

    assert history.answer(answer.id)["text"] == answer.text
    assert numbers == list(range(1, len(numbers) + 1))
    assert "supported" not in {sentence.verdict for sentence in answer.sentences}
