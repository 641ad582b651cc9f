"""Citelight's library as a LlamaIndex retriever, for people who build with LlamaIndex.

Importing this module imports llama_index, which takes seconds; nothing else here does.
"""

import asyncio
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from service.app import open_library
from service.citations import card
from service.retrieve import Passage, Retriever
from service.settings import Settings


class LibraryRetriever(BaseRetriever):
    """Retrieves papers of a Citelight library: a node a paper, its text the abstract.

    A node's metadata holds the paper's facts and the offsets of its best sentence; its id is the
    paper's.
    """

    def __init__(self, retriever: Retriever, *, k: int = 8) -> None:
        self._retriever = retriever
        self._k = k
        super().__init__()

    @classmethod
    def open(cls, settings: Settings | None = None, *, k: int = 8) -> "LibraryRetriever":
        """A retriever over the library that the settings name; `k` papers a query."""
        return cls(Retriever(open_library(settings or Settings())), k=k)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._retriever.retrieve(query_bundle.query_str, k=self._k)
        return [_node(passage) for passage in found.passages]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(passage: Passage) -> NodeWithScore:
    stored = passage.stored
    best = int(passage.sentence_scores.argmax())
    start, end = stored.sentences[best]
    paper = card(stored)
    facts: dict[str, Any] = {
        "title": paper.title,
        "authors": list(paper.authors),
        "year": paper.year,
        "venue": paper.venue,
        "url": paper.url,
        "best_sentence": [start, end],
    }
    node = TextNode(id_=stored.id, text=stored.paper.abstract, metadata=facts)
    return NodeWithScore(node=node, score=passage.score)
