"""Papers from files: whatever researchers export, told by content, read one record at a time."""

from ingest.sources.find import Source, discover, source_of
from ingest.sources.formats import FORMATS, Format, sniff

__all__ = ["FORMATS", "Format", "Source", "discover", "sniff", "source_of"]
