"""Tools `search`, `ask` and `get_paper`, and the resource `paper://{id}`, for MCP clients."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.types import ASGIApp

from ingest.catalogue import StoredPaper
from ingest.errors import CitelightError
from service.app import Core
from service.assistant import MAX_QUESTION
from service.citations import Answer, Citation, card
from service.records import paper_record
from service.retrieve import Filters

_ABOUT = (
    "A library of scientific paper abstracts. `ask` answers a question from them and cites, for "
    "every sentence, the sentences of the abstracts that support it: keep its marks [n] and name "
    "the papers when you use an answer. `search` finds papers, `get_paper` reads one."
)
_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

Question = Annotated[str, Field(min_length=2, max_length=MAX_QUESTION)]
Year = Annotated[int | None, Field(ge=1000, le=2999)]


class Hit(BaseModel):
    """A paper found. `score` is 0 to 1."""

    id: str
    title: str
    authors: list[str]
    year: int | None
    url: str | None
    score: float
    matched_terms: list[str]


class Hits(BaseModel):
    """The papers nearest to a query, best first."""

    query: str
    papers: list[Hit]


class Cited(BaseModel):
    """The paper that mark `[n]` stands for, and its sentences that support the answer."""

    n: int
    id: str
    title: str
    authors: list[str]
    year: int | None
    url: str | None
    quotes: list[str]


class Answered(BaseModel):
    """An answer. `state` is answered, partial, nearby (no answer, but related papers) or
    not_in_library."""

    state: str
    text: str
    citations: list[Cited]
    related: list[str] = Field(description="Titles of further papers that were retrieved.")
    notes: list[str]


class Sentence(BaseModel):
    """A sentence of an abstract; `abstract[start:end]` is its text."""

    n: int
    start: int
    end: int
    text: str


class PaperText(BaseModel):
    """A paper with its abstract, whole and in sentences."""

    id: str
    title: str
    authors: list[str]
    year: int | None
    venue: str | None
    url: str | None
    doi: str | None
    arxiv_id: str | None
    abstract: str
    sentences: list[Sentence]


def make_server(core: Core) -> MCPServer:
    """The MCP server over a core."""
    server: MCPServer[Any] = MCPServer(
        "citelight",
        title="Citelight",
        instructions=_ABOUT,
        version=version("citelight"),
        log_level="WARNING",
    )

    @server.tool(title="Search papers", annotations=_READS)
    async def search(
        query: Question,
        k: Annotated[int, Field(ge=1, le=50)] = 10,
        year_from: Year = None,
        year_to: Year = None,
    ) -> Hits:
        """Finds the papers nearest to a query, by meaning and by words, best first."""
        filters = Filters(year_from=year_from, year_to=year_to)
        try:
            found = await asyncio.to_thread(core.retriever.retrieve, query, k=k, filters=filters)
        except CitelightError as error:
            raise ToolError(str(error)) from error
        return Hits(
            query=found.query,
            papers=[
                Hit(**_facts(p.stored), score=p.score, matched_terms=list(p.matched_terms))
                for p in found.passages
            ],
        )

    @server.tool(title="Ask the library", annotations=_READS)
    async def ask(question: Question, year_from: Year = None, year_to: Year = None) -> Answered:
        """Answers a question from the abstracts, every sentence cited to its source."""
        filters = Filters(year_from=year_from, year_to=year_to)
        try:
            return _answered(await core.assistant.answer(question, filters=filters))
        except CitelightError as error:
            raise ToolError(str(error)) from error

    @server.tool(title="Read a paper", annotations=_READS)
    async def get_paper(id: Annotated[str, Field(min_length=1, max_length=500)]) -> PaperText:
        """Reads a paper by id, DOI, arXiv id or PubMed id."""
        stored = await asyncio.to_thread(core.library.catalogue.find, id)
        if stored is None:
            raise ToolError(f"The library has no paper {id!r}. Find ids with the tool search.")
        return PaperText.model_validate(paper_record(stored))

    @server.resource("paper://{id}", title="Paper", mime_type="text/markdown")
    async def paper(id: str) -> str:
        """A paper's title, facts and abstract."""
        stored = await asyncio.to_thread(core.library.catalogue.find, id)
        if stored is None:
            raise ResourceNotFoundError("The library has no such paper.")
        return _markdown(stored)

    return server


@asynccontextmanager
async def over_http(core: Core) -> AsyncIterator[ASGIApp]:
    """The SDK's application, which answers at `/mcp` within the block.

    Whoever stands before it checks hosts, origins and keys.
    """
    server = make_server(core)
    app = server.streamable_http_app(
        streamable_http_path="/mcp",
        stateless_http=True,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    async with server.session_manager.run():
        yield app


def run_stdio(core: Core) -> None:
    """Serves one client over standard input and output until it leaves."""
    logging.getLogger().setLevel(logging.WARNING)
    make_server(core).run("stdio")


def _facts(stored: StoredPaper) -> dict[str, Any]:
    shown = card(stored)
    return {
        "id": shown.id,
        "title": shown.title,
        "authors": list(shown.authors),
        "year": shown.year,
        "url": shown.url,
    }


def _answered(answer: Answer) -> Answered:
    return Answered(
        state=answer.state,
        text=answer.text,
        citations=[_cited(citation) for citation in answer.citations],
        related=[card.title for card in answer.also_retrieved],
        notes=list(answer.notes),
    )


def _cited(citation: Citation) -> Cited:
    paper = citation.paper
    return Cited(
        n=citation.n,
        id=paper.id,
        title=paper.title,
        authors=list(paper.authors),
        year=paper.year,
        url=paper.url,
        quotes=[evidence.quote for evidence in citation.evidence],
    )


def _markdown(stored: StoredPaper) -> str:
    shown = card(stored)
    facts = (", ".join(shown.authors), shown.venue, shown.year, shown.url)
    lines = [f"# {shown.title}", " · ".join(str(f) for f in facts if f), stored.paper.abstract]
    return "\n\n".join(line for line in lines if line)
