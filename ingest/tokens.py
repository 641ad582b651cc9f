"""Counts tokens for what goes to a remote model, without ever going to the network."""

import hashlib
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ENCODING = "cl100k_base"
BPE_URL = f"https://openaipublic.blob.core.windows.net/encodings/{ENCODING}.tiktoken"
BYTES_PER_TOKEN = 5  # of scientific English; 4, the usual figure, overestimates it 1.4 times


def count_tokens(text: str) -> int:
    """How many tokens a remote model sees, exactly for OpenAI's and roughly for the others'."""
    encoding = _encoding()
    if encoding is None:
        return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)
    return len(encoding.encode_ordinary(text))


def truncate(text: str, n: int) -> str:
    """The longest beginning of the text, in whole characters, that has at most `n` tokens."""
    encoding = _encoding()
    if encoding is None:
        raw = text.encode(errors="replace")[: max(n, 0) * BYTES_PER_TOKEN]
        return raw.decode(errors="ignore")
    tokens = encoding.encode_ordinary(text)
    if len(tokens) <= n:
        return text
    for kept in range(n, 0, -1):  # a shorter text can split into more tokens: check, rarely twice
        beginning: str = encoding.decode_bytes(tokens[:kept]).decode(errors="ignore")
        if len(encoding.encode_ordinary(beginning)) <= n:
            return beginning
    return ""


@cache
def _encoding() -> Any:  # tiktoken.Encoding, or None
    """The encoding from the file that llama-index-core brings; None where that is absent.

    tiktoken would download a missing file without a time-out, so it is called only if the file is
    there. `find_spec` of the parent package finds the folder without importing it, which takes 3 s.
    """
    folder = Path(os.environ.get("TIKTOKEN_CACHE_DIR") or _shipped_folder())
    if not (folder / hashlib.sha1(BPE_URL.encode()).hexdigest()).is_file():
        return None
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(folder))
    import tiktoken

    return tiktoken.get_encoding(ENCODING)


def _shipped_folder() -> Path:
    spec = find_spec("llama_index")
    for root in (spec and spec.submodule_search_locations) or ():
        folder = Path(root) / "core" / "_static" / "tiktoken_cache"
        if folder.is_dir():
            return folder
    return Path("tiktoken_cache")
