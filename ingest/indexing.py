"""Papers of the catalogue in the forms that the engines index."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ingest.catalogue import Catalogue
from ingest.chunk import chunk_id
from ingest.dense import Point
from ingest.lexical import Entry
from ingest.vectors import VectorStore, rows_of

_HYDRATED = 500  # papers read from the catalogue at a time


def points(
    catalogue: Catalogue, vectors: VectorStore, ordinals: NDArray[np.int64]
) -> Iterator[Point]:
    """The chunks of the papers in these rows, with their vectors."""
    for at in range(0, len(ordinals), _HYDRATED):
        papers = catalogue.papers(ordinals[at : at + _HYDRATED].tolist())
        rows = rows_of([p.chunk_row for p in papers], [len(p.chunks) for p in papers])
        of_chunk = iter(vectors.chunks(rows))
        for paper in papers:
            for n, chunk in enumerate(paper.chunks):
                text = paper.paper.abstract[chunk.start : chunk.end]
                yield Point(
                    id=chunk_id(paper.id, n, paper.paper.title + text),
                    vector=next(of_chunk),
                    text=text,
                    title=paper.paper.title,
                    paper_id=paper.id,
                )


def entries(catalogue: Catalogue, ordinals: NDArray[np.int64]) -> Iterator[Entry]:
    """The words of the papers in these rows; derived titles say nothing of their own."""
    for at in range(0, len(ordinals), _HYDRATED):
        for stored in catalogue.papers(ordinals[at : at + _HYDRATED].tolist()):
            paper = stored.paper
            title = "" if paper.is_title_derived else paper.title
            yield Entry(stored.ordinal, title, paper.abstract)
