"""Conversations of one browser, and feedback on answers."""

import asyncio
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from service.api import shapes
from service.api.idempotency import Idempotency, IdempotencyKey
from service.api.owners import owner_of
from service.api.problems import ERRORS, FINDING, given, to_json
from service.app import Core

_CASES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A case a line", "content": {"application/x-ndjson": {}}}
}


class Title(BaseModel):
    """A new name for a conversation."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"title": "BM25"}]})

    title: str = Field(min_length=1, max_length=200)


class Feedback(BaseModel):
    """What a reader thinks of an answer, or of one citation of it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"helpful": False, "reason": "wrong paper", "n": 2}]},
    )

    helpful: bool
    reason: str = Field(default="", max_length=2000)
    n: int | None = Field(default=None, ge=1, description="The citation meant, if one is.")


def history(core: Core) -> APIRouter:
    """The routes of conversations and feedback."""
    router = APIRouter(prefix="/v1", tags=["history"])
    kept, idempotency = core.conversations, Idempotency()

    @router.get("/conversations", responses=ERRORS | given(shapes.ConversationsShape))
    def list_conversations(
        request: Request,
        q: Annotated[str, Query(max_length=500)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """This browser's conversations, last used first; `q` searches their titles."""
        rows = kept.of(owner_of(request), q, limit=limit)
        return to_json({"conversations": rows})

    @router.get("/conversations/{conversation_id}", responses=FINDING | given(shapes.TurnsShape))
    def one_conversation(conversation_id: str, request: Request) -> Response:
        """A conversation with its answers, oldest first."""
        title = kept.check(conversation_id, owner_of(request))
        turns = kept.turns(conversation_id)
        return to_json({"id": conversation_id, "title": title, "turns": turns})

    @router.patch(
        "/conversations/{conversation_id}", responses=FINDING | given(shapes.RenamedShape)
    )
    def rename(conversation_id: str, body: Title, request: Request) -> Response:
        """Renames a conversation."""
        kept.rename(conversation_id, owner_of(request), body.title)
        return to_json({"id": conversation_id, "title": body.title})

    @router.delete("/conversations/{conversation_id}", status_code=204, responses=FINDING)
    def delete(conversation_id: str, request: Request) -> Response:
        """Deletes a conversation with all its answers."""
        kept.delete(conversation_id, owner_of(request))
        return Response(status_code=204)

    @router.post("/answers/{answer_id}/feedback", status_code=204, responses=FINDING)
    async def give_feedback(
        answer_id: str,
        body: Feedback,
        request: Request,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Says whether an answer, or one of its citations, was helpful."""
        content = body.model_dump_json().encode()

        async def give() -> Response:
            await asyncio.to_thread(
                kept.give_feedback, answer_id, body.helpful, reason=body.reason, n=body.n
            )
            return Response(status_code=204)

        return await idempotency.once(request, idempotency_key, content, give)

    @router.get("/feedback/export", response_class=Response, responses=ERRORS | _CASES)
    def export_feedback() -> Response:
        """All feedback, oldest first, as cases that `citelight eval answers` takes: JSON lines.
        Where keys are needed, needs the role admin."""
        lines = b"".join(orjson.dumps(case) + b"\n" for case in kept.feedback())
        return Response(lines, media_type="application/x-ndjson")

    return router
