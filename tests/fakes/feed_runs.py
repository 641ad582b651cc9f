"""Runs of feeds against the loopback server, for the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.dense import EmbeddedChroma
from ingest.feeds.config import FeedSpec, Keys, make_service
from ingest.feeds.pages import Service
from ingest.feeds.sync import FeedReport, sync
from ingest.library import Library
from tests.fakes import feed_server as fake
from tests.fakes.embedder import HashEmbedder
from tests.fakes.feed_server import Answer, FakeTime, FeedServer, Reply, serving, works

WORKS = works(7, without=[4])
# Each service as it is asked and as it answers, in pages of three where the service decides.
SERVICES: dict[str, tuple[FeedSpec, Answer]] = {
    "arxiv": (FeedSpec(service="arxiv", query="cat:cs.IR"), fake.arxiv(WORKS)),
    "openalex": (FeedSpec(service="openalex", query="roofs"), fake.openalex(WORKS, 3)),
    "crossref": (FeedSpec(service="crossref", query="roofs"), fake.crossref(WORKS, 3)),
    "pubmed": (FeedSpec(service="pubmed", query="roofs"), fake.pubmed(WORKS)),
    "semanticscholar": (
        FeedSpec(service="semanticscholar", query="roofs"),
        fake.semanticscholar(WORKS, 3),
    ),
    "oai": (FeedSpec(service="oai", url="/oai"), fake.oai(WORKS, 3)),
}


@dataclass(slots=True)
class Run:
    """Runs feeds of one server into one library."""

    library: Library
    server: FeedServer
    time: FakeTime

    def __call__(
        self,
        spec: FeedSpec,
        answer: Answer | None = None,
        *,
        is_full: bool = False,
        keys: Keys | None = None,
    ) -> FeedReport:
        if answer:
            self.server.answer = answer
        return sync(
            self.library,
            self.service(spec, keys or Keys()),
            since=spec.since,
            limit=spec.limit,
            is_full=is_full,
            contact="ada@example.org",
            clock=self.time.clock,
        )

    def service(self, spec: FeedSpec, keys: Keys) -> Service:
        here = self.server.url
        if spec.url:
            return make_service(replace(spec, url=here + spec.url), keys)
        return make_service(replace(spec, base_url=here), keys)

    def titles(self) -> list[str]:
        """The titles of the library's papers, sorted."""
        ids = [ordinal for ordinal, _, _ in self.library.catalogue.live()]
        return sorted(p.paper.title for p in self.library.papers(ids))


@contextmanager
def running(home: Path) -> Iterator[Run]:
    """An empty library in `home`, a server that only fails yet, and time that stands still."""
    library = Library(home, HashEmbedder(), EmbeddedChroma())
    try:
        with serving(lambda _: Reply(status=500)) as server:
            yield Run(library, server, FakeTime())
    finally:
        library.close()
