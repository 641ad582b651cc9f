"""OAI-PMH, which arXiv, PubMed Central, Zenodo and most university repositories speak.

The protocol (openarchives.org/OAI/openarchivesprotocol.html) has lists cut into parts that a
resumption token leads on to, dates of change by the day, and 503 with Retry-After from a busy
repository. arXiv wants three seconds between requests; others name no rule and get one second.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from ingest.errors import InvalidInput
from ingest.feeds.client import Client
from ingest.feeds.pages import Page, Window, count, parse_xml, read_items
from ingest.sources.markup import text_of
from ingest.sources.oai import read_oai
from ingest.sources.xml_records import first

_ADVICE = {
    "cannotDisseminateFormat": "Choose another metadata prefix, such as oai_dc.",
    "noSetHierarchy": "This repository has no sets: leave the set out.",
    "badArgument": "Check the set, the prefix and the date.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Oai:
    """Records of a repository, or of one set of it. `since` is when a record was last changed."""

    url: str
    set: str = ""
    prefix: str = ""
    label: ClassVar[str] = "The repository"
    overlap: ClassVar[timedelta] = timedelta(days=1)
    is_total_exact: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"oai:{self.url}" + (f"#{self.set}" if self.set else "")

    @property
    def interval_s(self) -> float:
        return 3.0 if self._is_arxiv else 1.0

    @property
    def _is_arxiv(self) -> bool:
        host = urlsplit(self.url).hostname or ""
        return host == "arxiv.org" or host.endswith(".arxiv.org")

    def page(self, client: Client, window: Window, cursor: str | None, size: int | None) -> Page:
        if cursor is not None:  # the protocol allows nothing beside a token
            return client.fetch(self.url, {"verb": "ListRecords", "resumptionToken": cursor}, _read)
        since = max(filter(None, (window.since, window.changed)), default=None)
        params = {
            "verb": "ListRecords",
            "metadataPrefix": self.prefix or ("arXiv" if self._is_arxiv else "oai_dc"),
            "set": self.set,
            "from": str(since or ""),
        }
        params = {name: value for name, value in params.items() if value}
        return client.fetch(self.url, params, _read)


def _read(data: bytes) -> Page:
    root = parse_xml(data, frozenset(("OAI-PMH",)))
    error = first(root, "error")
    if error is not None:
        code = error.get("code", "")
        if code == "noRecordsMatch":
            return Page((), None, 0)
        said = " ".join(text_of(error).split())[:200]
        raise InvalidInput(
            f"The repository answered {code}: {said} {_ADVICE.get(code, '')}".strip()
        )
    token = first(root, "ListRecords", "resumptionToken")
    total = count(token.get("completeListSize")) if token is not None else None
    return Page(read_items(read_oai, data), text_of(token).strip() or None, total)
