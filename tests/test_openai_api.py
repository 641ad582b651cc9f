"""The OpenAI-compatible door, through the openai client, against a real server on loopback."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient

from service import events
from service.api import create_app
from service.app import Core
from service.openai_api.tasks import chore
from tests.serving import served

QUESTION = "How does BM25 weigh the terms of a query?"
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
TASK = """### Task:
Generate a concise, 3-5 word title summarizing the chat history.
### Output:
JSON format: { "title": "your concise title here" }
### Chat History:
<chat_history>
USER: How does BM25 weigh the terms of a query?
ASSISTANT: By their rarity [1].
</chat_history>"""


@pytest.fixture(scope="module")
def base_url(core: Core) -> Iterator[str]:
    with served(create_app(core)) as url:
        yield url


@pytest.fixture
def openai_client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{base_url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_the_client_lists_the_models(openai_client: openai.OpenAI) -> None:
    names = [model.id for model in openai_client.models.list()]

    assert names == ["citelight", "citelight-references"]


def test_the_client_retrieves_the_model(openai_client: openai.OpenAI) -> None:
    assert openai_client.models.retrieve("citelight").owned_by == "citelight"


def test_a_plain_completion_cites(openai_client: openai.OpenAI) -> None:
    reply = openai_client.chat.completions.create(model="citelight", messages=ASKED)
    message = reply.choices[0].message

    assert message.content is not None
    assert message.annotations is not None
    assert message.annotations[0].url_citation.title.endswith("BM25 and Beyond")
    assert "[1]" in message.content


def test_annotations_point_at_their_marks(openai_client: openai.OpenAI) -> None:
    reply = openai_client.chat.completions.create(model="citelight", messages=ASKED)
    message = reply.choices[0].message
    marks = [
        (message.content or "")[a.url_citation.start_index : a.url_citation.end_index]
        for a in message.annotations or []
    ]

    assert marks == [f"[{n}]" for n in range(1, len(marks) + 1)]
    assert marks


def test_urls_and_results_stand_beside_the_message(openai_client: openai.OpenAI) -> None:
    reply = openai_client.chat.completions.create(model="citelight", messages=ASKED)
    urls = [a.url_citation.url for a in reply.choices[0].message.annotations or []]
    extra = reply.model_extra or {}

    assert extra["citations"] == urls
    assert [result["url"] for result in extra["search_results"]] == urls


def test_a_stream_gives_the_same_text_and_references(openai_client: openai.OpenAI) -> None:
    whole = openai_client.chat.completions.create(model="citelight", messages=ASKED)
    chunks = list(
        openai_client.chat.completions.create(
            model="citelight",
            messages=ASKED,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    found = [d.model_extra["annotations"] for d in deltas if d.model_extra]
    message = whole.choices[0].message

    assert "".join(delta.content or "" for delta in deltas) == message.content
    assert found == [[a.model_dump() for a in message.annotations or []]]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None


def test_the_stream_helper_assembles_the_message(openai_client: openai.OpenAI) -> None:
    with openai_client.chat.completions.stream(model="citelight", messages=ASKED) as stream:
        stream.until_done()
        message = stream.get_final_completion().choices[0].message

    assert message.annotations
    assert "[1]" in (message.content or "")


def test_usage_is_only_sent_when_asked_for(openai_client: openai.OpenAI) -> None:
    chunks = openai_client.chat.completions.create(model="citelight", messages=ASKED, stream=True)

    assert all(chunk.choices for chunk in chunks)


def test_earlier_messages_are_the_conversation(openai_client: openai.OpenAI) -> None:
    messages: list[Any] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "What does ColBERT do?"},
        {"role": "assistant", "content": "Late interaction over BERT [1]."},
        {"role": "user", "content": [{"type": "text", "text": "And how efficient is it?"}]},
    ]
    reply = openai_client.chat.completions.create(model="citelight", messages=messages)
    titles = [a.url_citation.title for a in reply.choices[0].message.annotations or []]

    assert any("ColBERT" in title for title in titles)


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        {"n": 2},
        {"response_format": {"type": "json_object"}},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "assistant", "content": "Hello"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": []},
    ],
)
def test_what_cannot_be_done_is_a_bad_request(
    openai_client: openai.OpenAI, more: dict[str, Any]
) -> None:
    asked = {"model": "citelight", "messages": ASKED, **more}
    with pytest.raises(openai.BadRequestError) as raised:
        openai_client.chat.completions.create(**asked)

    assert raised.value.type == "invalid_request_error"
    assert raised.value.code == "invalid-input"


def test_another_model_is_not_found(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Use 'citelight'"):
        openai_client.chat.completions.create(model="gpt-5", messages=ASKED)


def test_sampling_parameters_do_no_harm(openai_client: openai.OpenAI) -> None:
    reply = openai_client.chat.completions.create(
        model="citelight", messages=ASKED, temperature=0.2, max_tokens=50, user="somebody"
    )

    assert reply.choices[0].finish_reason == "stop"


def test_a_chat_program_gets_a_title_of_the_question() -> None:
    answer = chore(TASK)

    assert answer is not None
    assert json.loads(answer) == {"title": "How does BM25 weigh the terms…"}


@pytest.mark.parametrize(
    ("wanted", "content"),
    [("tags", ["Research", "Papers"]), ("follow_ups", []), ("queries", [])],
)
def test_other_chores_are_answered_in_the_form_asked_for(wanted: str, content: Any) -> None:
    answer = chore(TASK.replace('"title"', f'"{wanted}"'))

    assert answer is not None
    assert json.loads(answer) == {wanted: content}


def test_a_title_without_json_is_plain_words() -> None:
    order = TASK.replace('JSON format: { "title": "your concise title here" }', "Only the title.")

    assert chore(order) == "How does BM25 weigh the terms…"


@pytest.mark.parametrize("question", [QUESTION, 'What is a "title" in BibTeX?', "### Heading"])
def test_a_question_is_no_chore(question: str) -> None:
    assert chore(question) is None


def test_a_chore_is_answered_without_looking_into_the_library(openai_client: openai.OpenAI) -> None:
    reply = openai_client.chat.completions.create(
        model="citelight", messages=[{"role": "user", "content": TASK}], stream=True
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in reply)

    assert json.loads(text) == {"title": "How does BM25 weigh the terms…"}


def test_nearby_papers_are_listed_in_the_chat(core: Core, client: TestClient) -> None:
    answer = asyncio.run(core.assistant.answer("What is the capital of Portugal?"))
    reply = client.post(
        "/v1/chat/completions",
        json={"model": "citelight", "messages": [{"role": "user", "content": answer.question}]},
    )

    assert answer.state in ("not_in_library", "nearby")
    assert reply.json()["choices"][0]["message"]["annotations"] == []


def test_an_answer_that_fails_ends_the_stream_with_an_error() -> None:
    from service.openai_api.reply import error_content

    content = error_content(events.Failed("unavailable", "No", 503, "Try later."))

    assert content["error"]["type"] == "api_error"


@pytest.mark.parametrize("stream", [False, True])
def test_programs_that_show_only_text_get_the_references_in_it(
    openai_client: openai.OpenAI, stream: bool
) -> None:
    if stream:
        chunks = openai_client.chat.completions.create(
            model="citelight-references", messages=ASKED, stream=True
        )
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    else:
        whole = openai_client.chat.completions.create(model="citelight-references", messages=ASKED)
        text = whole.choices[0].message.content or ""
    first = next(line for line in text.splitlines() if line.startswith("- [1] "))

    assert first.startswith("- [1] [The Probabilistic Relevance Framework: BM25 and Beyond](https:")


def test_a_list_of_references_moves_no_annotation(openai_client: openai.OpenAI) -> None:
    asked = [
        openai_client.chat.completions.create(model=model, messages=ASKED).choices[0].message
        for model in ("citelight", "citelight-references")
    ]

    assert asked[0].annotations == asked[1].annotations
