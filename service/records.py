"""Papers, hits and the library as plain values: what the API and the command line both show."""

from itertools import islice
from typing import Any

from ingest.catalogue import Catalogue, StoredPaper
from ingest.feeds.state import feed_states
from ingest.sample import QUESTIONS, SOURCE
from service.app import Core
from service.citations import card, plain
from service.refusals import question_about
from service.retrieve import Retrieval

_MOST_VENUES = 200
_LOOKED_AT = 30  # papers whose titles may make an example
_LONGEST_TITLE = 90


def paper_record(stored: StoredPaper) -> dict[str, Any]:
    """A paper: its card, abstract, and sentences with `[start, end)` code-point offsets."""
    paper = stored.paper
    return {
        **plain(card(stored)),
        "pubmed_id": paper.pubmed_id,
        "categories": list(paper.categories),
        "abstract": paper.abstract,
        "sentences": [
            {"n": n, "start": start, "end": end, "text": paper.abstract[start:end]}
            for n, (start, end) in enumerate(stored.sentences)
        ],
    }


def list_record(
    catalogue: Catalogue, wanted: str, sort: str, cursor: str, limit: int
) -> dict[str, Any]:
    """A page of papers, their number, and the cursor of the page after it (None at the end)."""
    ids, following = catalogue.page(wanted, sort=sort, cursor=cursor, limit=limit)
    papers = catalogue.by_id(ids)
    return {
        "papers": [plain(card(papers[i])) for i in ids if i in papers],
        "next_cursor": following,
        "total": catalogue.n_matching(wanted),
    }


def search_record(found: Retrieval) -> dict[str, Any]:
    """The hits of a search, best first, each with its paper, scores, ranks and matched terms."""
    hits = []
    for passage in found.passages:
        shown = plain(card(passage.stored, passage))
        score, why = shown.pop("score"), shown.pop("why")
        hits.append({"paper": shown, "score": score, **why})
    return {"query": found.query, "snapshot": found.snapshot, "hits": hits}


def library_record(core: Core) -> dict[str, Any]:
    """Counts, sources and engines of the library."""
    catalogue = core.library.catalogue
    sources = catalogue.sources()
    years, venues = core.library.tallies()
    return {
        "papers": catalogue.n_papers(),
        "snapshot": core.library.snapshot,
        "embedder": core.library.embedder.name,
        "model": core.settings.model or None,
        "sources": [{"name": n, "papers": count} for n, count in sources],
        "feeds": feed_records(catalogue),
        "years": [{"name": n, "papers": count} for n, count in sorted(years)],
        "venues": [{"name": n, "papers": count} for n, count in venues[:_MOST_VENUES]],
        "examples": list(QUESTIONS) if SOURCE in dict(sources) else _examples(catalogue),
    }


def _examples(catalogue: Catalogue) -> list[str]:
    """Three questions that the library can answer, about its newest papers."""
    ids, _ = catalogue.page("", sort="added", cursor="", limit=_LOOKED_AT)
    papers = [stored.paper for stored in catalogue.by_id(ids).values()]
    short = (p.title for p in papers if not p.is_title_derived and len(p.title) <= _LONGEST_TITLE)
    return [question_about(title) for title in islice(short, 3)]


def feed_records(catalogue: Catalogue) -> list[dict[str, str | None]]:
    """Every feed that was ever run, by name, and when its last complete run began."""
    return [
        {
            "name": feed.name,
            "last_synced": feed.last_synced.isoformat() if feed.last_synced else None,
        }
        for feed in feed_states(catalogue)
    ]
