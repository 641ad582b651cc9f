"""The bundled sample library: true bibliographic facts with summaries written by us."""

from importlib.resources import files
from pathlib import Path

SOURCE = "sample"
SAMPLE = Path(str(files(__package__) / "papers.jsonl"))
