"""Answers and errors in the shapes that OpenAI's clients read."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from service import events
from service.citations import Answer, Citation, PaperCard, Usage

MODEL = "citelight"
LISTING = "citelight-references"  # the same answers, for programs that show nothing but text
_PATHS = ("/v1/chat/", "/v1/models")
_MARKUP = re.compile(r"([\\\[\]*_`<>])")
_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def owns(path: str) -> bool:
    """Whether errors at this path are to have OpenAI's shape."""
    return path.startswith(_PATHS)


def error_content(failed: events.Failed) -> dict[str, Any]:
    """An error as OpenAI's clients read it. `code` is our own type of it."""
    kind = "invalid_request_error" if failed.status < 500 else "api_error"
    return {
        "error": {
            "message": failed.detail or failed.title,
            "type": _KINDS.get(failed.status, kind),
            "param": None,
            "code": failed.type,
        }
    }


def error_response(failed: events.Failed, headers: Mapping[str, str] | None = None) -> Response:
    """The response for an error; what does not fit is 400 at OpenAI."""
    status = 400 if failed.status in (415, 422) else failed.status
    content = orjson.dumps(error_content(failed))
    return Response(content, status, headers, media_type="application/json")


def closing(answer: Answer, base_url: str, *, with_references: bool) -> str:
    """What a chat must say after the answer's text that other doors show beside it."""
    parts = [f"*{_escaped(note)}*" for note in answer.notes]
    if answer.state == "nearby":
        parts.append("\n".join(f"- {_link(card, base_url)}" for card in answer.also_retrieved))
    if with_references and answer.citations:
        listed = (f"[{c.n}] {_link(c.paper, base_url)}" for c in answer.citations)
        parts.append("\n".join(f"- {line}" for line in listed))
    return "".join(f"\n\n{part}" for part in parts if part)


def _link(card: PaperCard, base_url: str) -> str:
    year = f" ({card.year})" if card.year else ""
    return f"[{_escaped(card.title)}]({url_of(card, base_url)}){year}"


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)


def url_of(card: PaperCard, base_url: str) -> str:
    """Where the paper can be read: at its publisher, else here."""
    return card.url or f"{base_url}/p/{card.id}"


def annotations(answer: Answer, content: str, base_url: str, start: int = 0) -> list[Any]:
    """One reference a cited paper, by number; `content[start_index:end_index] == "[n]"`.

    Marks before `start`, in code points, are of text that was withdrawn.
    """
    found = []
    for citation in answer.citations:
        mark = f"[{citation.n}]"
        at = content.find(mark, start)
        if at < 0:  # keeps the numbers without a gap
            at, mark = len(content), ""
        url = url_of(citation.paper, base_url)
        place = {"start_index": at, "end_index": at + len(mark)}
        reference = {"url": url, "title": citation.paper.title, **place}
        found.append({"type": "url_citation", "url_citation": reference})
    return found


def references(answer: Answer, base_url: str) -> dict[str, Any]:
    """The cited papers as other answering services give them, beside the message."""
    return {
        "citations": [url_of(c.paper, base_url) for c in answer.citations],
        "search_results": [_search_result(c, base_url) for c in answer.citations],
        "citelight": {
            "answer": answer.id,
            "state": answer.state,
            "url": f"{base_url}/a/{answer.id}",
        },
    }


def _search_result(citation: Citation, base_url: str) -> dict[str, Any]:
    paper = citation.paper
    return {
        "title": paper.title,
        "url": url_of(paper, base_url),
        "date": str(paper.year) if paper.year else None,
        "snippet": " … ".join(e.quote for e in citation.evidence),
    }


def usage(used: Usage) -> dict[str, int]:
    total = used.prompt_tokens + used.completion_tokens
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": total,
    }


def completion(
    run_id: str, created: int, message: Mapping[str, Any], used: Usage, more: Mapping[str, Any]
) -> dict[str, Any]:
    """A whole `chat.completion`."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "refusal": None, **message},
        "finish_reason": "stop",
        "logprobs": None,
    }
    head = {"id": f"chatcmpl-{run_id}", "object": "chat.completion", "created": created}
    return {**head, "model": MODEL, "choices": [choice], "usage": usage(used), **more}


def chunk(
    run_id: str,
    created: int,
    delta: Mapping[str, Any],
    finish: str | None = None,
    **more: object,
) -> bytes:
    """One `chat.completion.chunk` as a server-sent event."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event(
        {
            "id": f"chatcmpl-{run_id}",
            "object": "chat.completion.chunk",
            "created": created,
            "model": MODEL,
            "choices": [choice],
            **more,
        }
    )


def usage_chunk(run_id: str, created: int, used: Usage) -> bytes:
    """The chunk without choices that ends a stream for those who asked for usage."""
    head = {"id": f"chatcmpl-{run_id}", "object": "chat.completion.chunk", "created": created}
    return event({**head, "model": MODEL, "choices": [], "usage": usage(used)})


def event(content: object) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(content)


def models(created: int) -> Sequence[dict[str, Any]]:
    """The names that can be asked: for one model, which lists its references or not."""
    head = {"object": "model", "created": created, "owned_by": "citelight"}
    return [{"id": name, **head} for name in (MODEL, LISTING)]
