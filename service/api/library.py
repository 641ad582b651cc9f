"""What the library holds: search, papers, uploads and the jobs that take them in."""

import asyncio
import io
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile

from ingest.build import remove_paper
from ingest.catalogue import StoredPaper
from ingest.errors import InvalidInput, NotFound
from service.api import shapes
from service.api.idempotency import Idempotency, IdempotencyKey
from service.api.problems import CHANGING, ERRORS, FINDING, UNCHANGED, given, tagged, to_json
from service.app import Core
from service.assistant import MAX_QUESTION
from service.jobs import Jobs
from service.records import library_record, list_record, paper_record, search_record
from service.retrieve import Filters

_Year = Annotated[int | None, Query(ge=1000, le=2999)]
_JSON_TYPES = {"application/json": "papers.json", "application/x-ndjson": "papers.jsonl"}
_FILES = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
_PAPER = {"title": "BM25", "abstract": "Terms are weighed by their rarity.", "year": 1994}
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": _FILES},
                }
            },
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}},
                "example": [_PAPER],
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


def library(core: Core, jobs: Jobs) -> APIRouter:
    """The routes of papers."""
    router = APIRouter(prefix="/v1", tags=["library"])
    idempotency = Idempotency()

    @router.get("/search", responses=ERRORS | given(shapes.SearchShape))
    async def search(
        q: Annotated[str, Query(min_length=1, max_length=MAX_QUESTION, examples=["dropout"])],
        k: Annotated[int, Query(ge=1, le=100)] = 10,
        year_from: _Year = None,
        year_to: _Year = None,
    ) -> Response:
        """The papers nearest to a query with all scores and why each matched."""
        filters = Filters(year_from=year_from, year_to=year_to)
        found = await asyncio.to_thread(core.retriever.retrieve, q, k=k, filters=filters)
        return to_json(search_record(found))

    @router.get("/papers", responses=ERRORS | given(shapes.PageShape))
    def list_papers(
        q: Annotated[str, Query(max_length=500)] = "",
        sort: Literal["added", "title", "year"] = "added",
        cursor: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 25,
    ) -> Response:
        """The papers of the library, page by page; `q` keeps those whose title or authors have
        it. The next page is asked for with `next_cursor`."""
        return to_json(list_record(core.library.catalogue, q, sort, cursor, limit))

    @router.post(
        "/papers",
        status_code=202,
        responses=ERRORS | given(shapes.StartedShape, 202),
        openapi_extra=_UPLOAD,
    )
    async def add_papers(request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """Takes in papers: as JSON (an array), JSON Lines, or files of any format that
        `citelight ingest` reads. Papers that are known are updated. The answer names a job; it is
        done when `GET /v1/jobs/{job}` says so."""
        try:
            files = await _sent(request)
            content = b"".join(file.read() for _, file in files) if idempotency_key else b""
            for _, file in files:
                file.seek(0)

            async def start() -> Response:
                return to_json({"job": await jobs.start(files)}, 202)

            return await idempotency.once(request, idempotency_key, content, start)
        finally:
            await request.close()  # the temporary files of a form

    @router.get("/jobs/{job_id}", responses=FINDING | given(shapes.JobShape))
    async def job(job_id: str) -> Response:
        """How far an upload is, and at its end the report."""
        return to_json(jobs.get(job_id))

    @router.get("/papers/{paper_id:path}", responses=FINDING | UNCHANGED | given(shapes.PaperShape))
    def paper(paper_id: str, request: Request) -> Response:
        """A paper by id, DOI, arXiv id or PubMed id, with its abstract cut into sentences."""
        stored = _found(core, paper_id)
        return tagged(request, stored.paper.revision, lambda: paper_record(stored))

    @router.delete("/papers/{paper_id:path}", status_code=204, responses=CHANGING)
    async def delete_paper(paper_id: str) -> Response:
        """Takes a paper out of the library; it comes back when a source gives it again."""
        stored = await asyncio.to_thread(_found, core, paper_id)
        await asyncio.to_thread(remove_paper, core.library, stored.id)
        await asyncio.to_thread(core.library.refresh)
        return Response(status_code=204)

    @router.get("/library", responses=ERRORS | given(shapes.LibraryShape))
    def describe() -> Response:
        """What the library holds."""
        return to_json(library_record(core) | {"indexing": jobs.is_busy})

    return router


def _found(core: Core, paper_id: str) -> StoredPaper:
    stored = core.library.catalogue.find(paper_id)
    if stored is None:
        raise NotFound("There is no such paper in this library.")
    return stored


async def _sent(request: Request) -> list[tuple[str, BinaryIO]]:
    """The names and contents of what was sent.

    Raises:
        InvalidInput: nothing was sent, or it is neither JSON nor files.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _JSON_TYPES:
        body = await request.body()
        files: list[tuple[str, BinaryIO]] = [(_JSON_TYPES[kind], io.BytesIO(body))]
        return files if body.strip() else _nothing()
    if kind != "multipart/form-data":
        raise InvalidInput(
            "Send papers as application/json, application/x-ndjson, or as files in "
            "multipart/form-data."
        )
    form = await request.form()
    files = [
        (part.filename or "upload", part.file)
        for name, part in form.multi_items()
        if name == "files" and isinstance(part, UploadFile)
    ]
    return files or _nothing()


def _nothing() -> list[tuple[str, BinaryIO]]:
    raise InvalidInput("Nothing was sent. Send papers as JSON, or one or more files as `files`.")
