"""The library as a LlamaIndex retriever."""

from llama_index.core.base.base_retriever import BaseRetriever

from service.app import Core
from service.llama import LibraryRetriever


def test_llama_index_retrieves_from_the_library(core: Core) -> None:
    retriever: BaseRetriever = LibraryRetriever(core.retriever, k=3)
    nodes = retriever.retrieve("late interaction over token vectors")

    assert len(nodes) == 3
    assert "ColBERT" in nodes[0].metadata["title"]


def test_the_best_sentence_stands_at_its_offsets(core: Core) -> None:
    (node,) = LibraryRetriever(core.retriever, k=1).retrieve(
        "saturating function of how often a term occurs"
    )
    start, end = node.metadata["best_sentence"]

    assert "saturating" in node.node.get_content()[start:end]
