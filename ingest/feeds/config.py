"""Which feeds there are, what each can be asked, and the file of those to keep synced."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from pathlib import Path

from ingest.errors import InvalidInput
from ingest.feeds.arxiv import Arxiv
from ingest.feeds.crossref import Crossref
from ingest.feeds.oai import Oai
from ingest.feeds.openalex import OpenAlex
from ingest.feeds.pages import Service
from ingest.feeds.pubmed import PubMed
from ingest.feeds.semanticscholar import SemanticScholar

# What each service can be asked; of the first group one must be given.
QUESTIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "arxiv": (("query",), ()),
    "openalex": (("query", "filter"), ()),
    "crossref": (("query", "filter"), ()),
    "pubmed": (("query",), ()),
    "semanticscholar": (("query",), ()),
    "oai": (("url",), ("set", "prefix")),
}


_Service = Arxiv | OpenAlex | Crossref | PubMed | SemanticScholar | Oai


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """API keys; "" where there is none."""

    openalex: str = field(default="", repr=False)
    ncbi: str = field(default="", repr=False)
    semantic_scholar: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSpec:
    """A feed as a person writes it down."""

    service: str
    query: str = ""
    filter: str = ""
    url: str = ""
    set: str = ""
    prefix: str = ""
    since: date | None = None
    limit: int | None = None
    base_url: str = ""

    def check(self) -> None:
        """Refuses what the service cannot be asked.

        Raises:
            InvalidInput: the service is unknown, or its question missing or surplus.
        """
        if self.service not in QUESTIONS:
            known = ", ".join(QUESTIONS)
            raise InvalidInput(f"There is no feed {self.service!r}. There are: {known}.")
        needed, more = QUESTIONS[self.service]
        if not any(getattr(self, name) for name in needed):
            raise InvalidInput(f"The feed {self.service} needs a {' or a '.join(needed)}.")
        for name in ("query", "filter", "url", "set", "prefix"):
            if getattr(self, name) and name not in (*needed, *more):
                raise InvalidInput(f"The feed {self.service} has no {name}.")
        if self.limit is not None and self.limit < 1:
            raise InvalidInput("The limit of a feed must be at least 1.")


def make_service(spec: FeedSpec, keys: Keys) -> Service:
    """The service that a feed asks.

    Raises:
        InvalidInput: as `FeedSpec.check`.
    """
    spec.check()
    service = _service(spec, keys)
    if not spec.base_url or isinstance(service, Oai):
        return service
    return replace(service, base_url=spec.base_url.rstrip("/"))


def _service(spec: FeedSpec, keys: Keys) -> _Service:
    match spec.service:
        case "arxiv":
            return Arxiv(query=spec.query)
        case "openalex":
            return OpenAlex(query=spec.query, filter=spec.filter, api_key=keys.openalex)
        case "crossref":
            return Crossref(query=spec.query, filter=spec.filter)
        case "pubmed":
            return PubMed(query=spec.query, api_key=keys.ncbi)
        case "semanticscholar":
            return SemanticScholar(query=spec.query, api_key=keys.semantic_scholar)
        case _:
            return Oai(url=spec.url, set=spec.set, prefix=spec.prefix)


def read_feeds(path: Path) -> list[FeedSpec]:
    """The feeds of a TOML file: a table `[[feed]]` each, with the fields of `FeedSpec`.

    Raises:
        InvalidInput: the file is missing, is no TOML, or a feed in it is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read ({error.strerror}). List your feeds there, for example:\n\n"
            '[[feed]]\nservice = "arxiv"\nquery = "cat:cs.IR"\nsince = 2024-01-01'
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not valid TOML: {error}.") from error
    tables = content.get("feed")
    surplus = sorted(content.keys() - {"feed"})
    if surplus or not isinstance(tables, list) or not tables:
        wrong = f" It has {', '.join(surplus)} instead." if surplus else ""
        raise InvalidInput(f"{path} must hold tables that begin with [[feed]].{wrong}")
    return [_spec(table, f"{path.name}, feed {n}") for n, table in enumerate(tables, 1)]


_TYPES: Mapping[str, type] = {"since": date, "limit": int}


def _spec(table: object, where: str) -> FeedSpec:
    if not isinstance(table, dict):
        raise InvalidInput(f"{where}: begin each feed with a line [[feed]].")
    known = {f.name for f in fields(FeedSpec)}
    for name, value in table.items():
        if name not in known:
            raise InvalidInput(f"{where}: there is no {name!r}. There are: {', '.join(known)}.")
        kind = _TYPES.get(name, str)
        if not isinstance(value, kind) or isinstance(value, datetime | bool):
            what = {date: "a day, as 2024-01-01 without quotes", int: "a number"}.get(kind, "text")
            raise InvalidInput(f"{where}: {name} must be {what}.")
    if "service" not in table:
        raise InvalidInput(f'{where}: say which service, as service = "arxiv".')
    spec = FeedSpec(**table)
    try:
        spec.check()
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from error
    return spec
