"""The bundled sample library: true bibliographic facts with summaries written by us."""

from importlib.resources import files
from pathlib import Path

SOURCE = "sample"
QUESTIONS = (
    "How does BM25 weigh the terms of a query?",
    "How are language models pre-trained on unlabelled text?",
    "Which papers are there on dense retrieval since 2020?",
)
"""What a newcomer may ask of it."""

SAMPLE = Path(str(files(__package__) / "papers.jsonl"))
