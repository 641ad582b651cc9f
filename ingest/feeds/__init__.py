"""Papers from services: arXiv, OpenAlex, Crossref, PubMed, Semantic Scholar, OAI-PMH."""

from ingest.feeds.client import Clock
from ingest.feeds.config import FeedSpec, Keys, make_service, read_feeds
from ingest.feeds.state import FeedState, feed_states, forget_states
from ingest.feeds.sync import FeedReport, sync

__all__ = [
    "Clock",
    "FeedReport",
    "FeedSpec",
    "FeedState",
    "Keys",
    "feed_states",
    "forget_states",
    "make_service",
    "read_feeds",
    "sync",
]
