"""What the library holds: search, papers, uploads and the jobs that take them in."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response, UploadFile

from ingest.errors import InvalidInput, NotFound
from service.api.problems import ERRORS, FINDING, to_json
from service.app import Core
from service.assistant import MAX_QUESTION
from service.jobs import Jobs
from service.records import library_record, list_record, paper_record, search_record
from service.retrieve import Filters

_Year = Annotated[int | None, Query(ge=1000, le=2999)]


def library(core: Core, jobs: Jobs) -> APIRouter:
    """The routes of papers."""
    router = APIRouter(prefix="/v1", tags=["library"])

    @router.get("/search", responses=ERRORS)
    async def search(
        q: Annotated[str, Query(min_length=1, max_length=MAX_QUESTION)],
        k: Annotated[int, Query(ge=1, le=100)] = 10,
        year_from: _Year = None,
        year_to: _Year = None,
    ) -> Response:
        """The papers nearest to a query with all scores and why each matched."""
        filters = Filters(year_from=year_from, year_to=year_to)
        found = await asyncio.to_thread(core.retriever.retrieve, q, k=k, filters=filters)
        return to_json(search_record(found))

    @router.get("/papers", responses=ERRORS)
    def list_papers(
        q: Annotated[str, Query(max_length=500)] = "",
        sort: Literal["added", "title", "year"] = "added",
        cursor: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 25,
    ) -> Response:
        """The papers of the library, page by page; `q` keeps those whose title or authors have
        it. The next page is asked for with `next_cursor`."""
        return to_json(list_record(core.library.catalogue, q, sort, cursor, limit))

    @router.post("/papers", status_code=202, responses=ERRORS)
    async def add_papers(request: Request, files: list[UploadFile]) -> Response:
        """Takes in files of papers, of any format that `citelight ingest` reads. The answer names
        a job; it is done when `GET /v1/jobs/{job}` says so."""
        if not files:
            raise InvalidInput("No file was sent. Send one or more as `files`.")
        named = [(file.filename or "upload", file.file) for file in files]
        return to_json({"job": await jobs.start(named)}, 202)

    @router.get("/jobs/{job_id}", responses=FINDING)
    async def job(job_id: str) -> Response:
        """How far an upload is, and at its end the report."""
        return to_json(jobs.get(job_id))

    @router.get("/papers/{paper_id:path}", responses=FINDING)
    def paper(paper_id: str) -> Response:
        """A paper by id, DOI, arXiv id or PubMed id, with its abstract cut into sentences."""
        stored = core.library.catalogue.find(paper_id)
        if stored is None:
            raise NotFound("There is no such paper in this library.")
        return to_json(paper_record(stored))

    @router.get("/library", responses=ERRORS)
    def describe() -> Response:
        """What the library holds."""
        return to_json(library_record(core) | {"indexing": jobs.is_busy})

    return router
