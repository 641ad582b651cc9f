"""The HTTP API, over the real core and the sample library."""

import asyncio
import json
import threading
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from ingest.minilm import usable_cores
from service.api import create_app
from service.app import Core

QUESTION = "How does BM25 weigh the terms of a query?"


def ask(client: TestClient, question: str, **more: Any) -> dict[str, Any]:
    reply = client.post("/v1/ask", json={"question": question, **more})
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The server-sent events in a body, as (name, data)."""
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [(b[1].removeprefix("event: "), json.loads(b[2].removeprefix("data: "))) for b in blocks]


def test_ask_cites_the_paper_that_answers(client: TestClient) -> None:
    answer = ask(client, QUESTION)

    assert answer["citations"][0]["paper"]["title"].endswith("BM25 and Beyond")


def test_every_quote_is_the_abstract_at_its_offsets(client: TestClient) -> None:
    answer = ask(client, QUESTION)

    for citation in answer["citations"]:
        abstract = client.get(f"/v1/papers/{citation['paper']['id']}").json()["abstract"]
        for e in citation["evidence"]:
            assert abstract[e["start"] : e["end"]] == e["quote"]


def test_the_same_question_gets_the_same_text(client: TestClient) -> None:
    first, second = ask(client, QUESTION), ask(client, QUESTION)

    assert first["text"] == second["text"]


def test_a_question_of_another_world_gets_no_text_of_papers(client: TestClient) -> None:
    answer = ask(client, "What is the capital of Portugal?")

    assert (answer["state"], answer["citations"]) == ("not_in_library", [])
    assert len(answer["also_retrieved"]) == 3


def test_a_stored_answer_is_what_was_answered(client: TestClient) -> None:
    answer = ask(client, QUESTION)

    assert client.get(f"/v1/answers/{answer['id']}").json() == answer


def test_a_stream_ends_with_exactly_one_done(client: TestClient) -> None:
    reply = client.post("/v1/ask", json={"question": QUESTION, "stream": True})
    names = [name for name, _ in events_of(reply.text)]

    assert names[0] == "run"
    assert names.index("sources") < names.index("delta")
    assert [n for n in names if n in ("done", "error")] == ["done"]
    assert names[-1] == "done"


def test_the_deltas_of_a_stream_are_the_answers_text(client: TestClient) -> None:
    reply = client.post("/v1/ask", json={"question": QUESTION, "stream": True})
    events = events_of(reply.text)
    text = "".join(data["text"] for name, data in events if name == "delta")

    assert text == events[-1][1]["answer"]["text"]


def test_the_accept_header_asks_for_a_stream(client: TestClient) -> None:
    reply = client.post(
        "/v1/ask", json={"question": QUESTION}, headers={"accept": "text/event-stream"}
    )

    assert reply.headers["content-type"].startswith("text/event-stream")


def test_a_finished_run_can_be_read_again_from_any_event(client: TestClient) -> None:
    body = client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text
    run_id = events_of(body)[0][1]["id"]
    resumed = client.get(f"/v1/runs/{run_id}/events?after=3").text

    assert events_of(resumed) == events_of(body)[3:]


@pytest.mark.parametrize(
    "body",
    [
        {"question": ""},
        {"question": "?"},
        {"question": "x" * 4_001},
        {"question": "x" * 100_000},
        {"question": "\x00\x01\x02"},
        {"question": QUESTION, "colour": "red"},
        {"question": QUESTION, "filters": {"year": 1}},
        {},
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_with_words(
    client: TestClient, body: dict[str, Any]
) -> None:
    reply = client.post("/v1/ask", json=body)

    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["detail"]


def test_bytes_that_are_no_json_are_refused(client: TestClient) -> None:
    headers = {"content-type": "application/json"}
    reply = client.post("/v1/ask", content=b"\xff\xfe\x00", headers=headers)

    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_lone_surrogate_in_a_question_does_no_harm(client: TestClient) -> None:
    body = b'{"question": "How does BM25 \\ud800 weigh terms?"}'
    headers = {"content-type": "application/json"}
    reply = client.post("/v1/ask", content=body, headers=headers)

    assert reply.status_code in (200, 422)


def test_filters_keep_papers_out(client: TestClient) -> None:
    answer = ask(client, QUESTION, filters={"year_from": 2020})
    cards = [c["paper"] for c in answer["citations"]] + answer["also_retrieved"]

    assert cards
    assert min(c["year"] for c in cards) >= 2020


def test_a_filter_that_matches_nothing_is_an_answer(client: TestClient) -> None:
    answer = ask(client, QUESTION, filters={"year_from": 2900})

    assert (answer["state"], answer["also_retrieved"]) == ("not_in_library", [])


def test_search_says_why_each_hit_is_there(client: TestClient) -> None:
    hits = client.get("/v1/search", params={"q": "late interaction", "k": 3}).json()["hits"]

    assert len(hits) == 3
    assert "ColBERT" in hits[0]["paper"]["title"]
    assert hits[0]["matched_terms"] == ["late", "interaction"]


def test_a_paper_is_found_by_its_arxiv_id(client: TestClient) -> None:
    paper = client.get("/v1/papers/1706.03762").json()

    assert paper["title"] == "Attention Is All You Need"


def test_the_sentences_of_a_paper_stand_at_their_offsets(client: TestClient) -> None:
    paper = client.get("/v1/papers/1706.03762").json()

    assert all(paper["abstract"][s["start"] : s["end"]] == s["text"] for s in paper["sentences"])


@pytest.mark.parametrize("path", ["/v1/papers/nope", "/v1/answers/nope", "/v1/runs/nope/events"])
def test_what_is_not_there_is_a_problem_of_its_own(client: TestClient, path: str) -> None:
    reply = client.get(path)

    assert (reply.status_code, reply.json()["type"]) == (404, "not-found")


def test_library_says_what_it_holds(client: TestClient) -> None:
    library = client.get("/v1/library").json()

    assert library["papers"] == 92
    assert library["embedder"] == "all-MiniLM-L6-v2"


def test_the_service_is_healthy_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["status"] == "ready"


def test_every_response_has_a_request_id(client: TestClient) -> None:
    first, second = client.get("/healthz"), client.get("/nope")

    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert second.json()["request_id"] == second.headers["x-request-id"]


def test_the_openapi_document_has_examples_for_asking(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]

    assert schemas["AskBody"]["examples"]


def test_papers_are_listed_page_by_page(client: TestClient) -> None:
    titles: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query: dict[str, str | int] = {"sort": "title", "limit": 40, "cursor": cursor}
        page = client.get("/v1/papers", params=query).json()
        titles += [p["title"] for p in page["papers"]]
        cursor = page["next_cursor"]

    assert len(titles) == page["total"] == 92
    assert titles == sorted(titles, key=str.lower)


def test_papers_are_listed_by_words_of_title_or_authors(client: TestClient) -> None:
    page = client.get("/v1/papers", params={"q": "zaragoza"}).json()

    assert [p["title"] for p in page["papers"]] == [
        "The Probabilistic Relevance Framework: BM25 and Beyond"
    ]


@pytest.mark.parametrize("cursor", ["x", "WzFd", "e30="])
def test_a_forged_cursor_is_refused(client: TestClient, cursor: str) -> None:
    assert client.get("/v1/papers", params={"cursor": cursor}).status_code == 422


def remembered(client: TestClient, question: str, **more: Any) -> dict[str, Any]:
    return ask(client, question, remember=True, **more)


def test_a_remembered_answer_is_in_the_history(client: TestClient) -> None:
    answer = remembered(client, QUESTION)
    (row,) = client.get("/v1/conversations").json()["conversations"]

    assert (row["id"], row["title"]) == (answer["conversation_id"], QUESTION)
    assert client.get(f"/v1/conversations/{row['id']}").json()["turns"] == [answer]


def test_an_answer_is_not_remembered_unasked(client: TestClient) -> None:
    ask(client, QUESTION)

    assert client.get("/v1/conversations").json()["conversations"] == []


def test_another_browser_sees_nothing_of_it(client: TestClient) -> None:
    conversation = remembered(client, QUESTION)["conversation_id"]
    client.cookies.clear()

    assert client.get("/v1/conversations").json()["conversations"] == []
    assert client.get(f"/v1/conversations/{conversation}").status_code == 404


def test_a_conversation_goes_on(client: TestClient) -> None:
    first = remembered(client, QUESTION)
    second = remembered(
        client, "What is dense retrieval?", conversation_id=first["conversation_id"]
    )
    stored = client.get(f"/v1/conversations/{first['conversation_id']}").json()

    assert [turn["id"] for turn in stored["turns"]] == [first["id"], second["id"]]


def test_somebody_elses_conversation_cannot_be_continued(client: TestClient) -> None:
    conversation = remembered(client, QUESTION)["conversation_id"]
    client.cookies.clear()
    body = {"question": QUESTION, "conversation_id": conversation}

    assert client.post("/v1/ask", json=body).status_code == 404


def test_a_deleted_conversation_takes_its_answers_along(client: TestClient) -> None:
    answer = remembered(client, QUESTION)
    client.delete(f"/v1/conversations/{answer['conversation_id']}")

    assert client.get(f"/v1/answers/{answer['id']}").status_code == 404


def test_the_cookie_is_out_of_reach_of_scripts(client: TestClient) -> None:
    body = {"question": QUESTION, "remember": True}
    cookie = client.post("/v1/ask", json=body).headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_feedback_is_taken(client: TestClient) -> None:
    answer = ask(client, QUESTION)
    body = {"helpful": False, "reason": "wrong paper", "n": 1}

    assert client.post(f"/v1/answers/{answer['id']}/feedback", json=body).status_code == 204


def test_feedback_is_exported_as_cases(client: TestClient) -> None:
    answer = ask(client, QUESTION)
    body = {"helpful": False, "reason": "for the export", "n": 1}
    client.post(f"/v1/answers/{answer['id']}/feedback", json=body)
    exported = client.get("/v1/feedback/export")
    case = json.loads(exported.text.splitlines()[-1])

    assert exported.headers["content-type"] == "application/x-ndjson"
    assert (case["question"], case["reason"]) == (answer["query"], "for the export")


def test_feedback_on_no_answer_is_not_found(client: TestClient) -> None:
    reply = client.post("/v1/answers/nope/feedback", json={"helpful": True})

    assert reply.status_code == 404


@pytest.mark.anyio
async def test_no_more_threads_compute_than_there_are_cores(core: Core) -> None:
    n = max(2, usable_cores())
    app, together = create_app(core), threading.Barrier(n + 1)
    async with app.router.lifespan_context(app):
        waits = [asyncio.to_thread(together.wait, 0.2) for _ in range(n + 1)]
        ended = await asyncio.gather(*waits, return_exceptions=True)

    assert {type(each) for each in ended} == {threading.BrokenBarrierError}


def refused(reply: httpx2.Response) -> tuple[int, str, str]:
    """Status, type and detail of a problem."""
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    return reply.status_code, body["type"], body["detail"]


@pytest.mark.parametrize("body", [b"{bad", b'{"question": "\xff"}', b"[" * 100_000])
def test_a_body_that_is_no_json_is_said_to_be_none(client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    status, kind, detail = refused(client.post("/v1/ask", content=body, headers=headers))

    assert (status, kind) == (400, "malformed")
    assert "JSON" in detail


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain"])
def test_json_under_another_name_is_told_its_own(client: TestClient, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    reply = client.post("/v1/ask", content=b'{"question": "What is it?"}', headers=headers)

    assert refused(reply)[:2] == (415, "wrong-content-type")
    assert "Content-Type: application/json" in reply.json()["detail"]


def test_an_address_that_is_none_says_where_to_look(client: TestClient) -> None:
    status, kind, detail = refused(client.get("/v1/nope"))

    assert (status, kind) == (404, "not-found")
    assert "/openapi.json" in detail


def test_a_method_that_is_not_taken_names_those_that_are(client: TestClient) -> None:
    detail = "This address takes POST, not DELETE."

    assert refused(client.delete("/v1/ask")) == (405, "method-not-allowed", detail)


def test_a_parameter_that_there_is_not_is_refused(client: TestClient) -> None:
    status, kind, detail = refused(client.get("/v1/search", params={"q": "dropout", "top": 3}))

    assert (status, kind) == (422, "invalid-input")
    assert detail == "top: There is no such parameter. There are q, k, year_from, year_to."


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_told_without_a_body_too(client: TestClient, path: str) -> None:
    reply = client.head(path)

    assert (reply.status_code, reply.content) == (200, b"")


def test_any_known_revision_is_unchanged(client: TestClient) -> None:
    paper = client.get("/v1/papers", params={"limit": 1}).json()["papers"][0]["id"]
    reply = client.get(f"/v1/papers/{paper}", headers={"If-None-Match": "*"})

    assert reply.status_code == 304
