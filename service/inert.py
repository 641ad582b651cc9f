"""Text of papers made inert, so that inside an answer's Markdown it is nothing but text."""

import re

_INVISIBLE = dict.fromkeys(  # bidirectional controls, zero widths, tags: they hide or turn text
    [
        *(0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xE0000, 0xE0080),
    ]
)
_MARK = re.compile(r"[\[［【]\s*(\^?\d+(?:\s*[,;–-]\s*\d+)*)\s*[\]］】]")
_LINK = re.compile(r"\](?=[(\[:])")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_SIGNS = str.maketrans({"*": "", "_": " ", "`": "'", "[": "(", "]": ")", "<": "‹", ">": "›"})
_SIGNS |= str.maketrans({"\\": "", "|": "/", "#": "", "~": "-", "【": "(", "】": ")"})


def visible(text: str) -> str:
    """The text without characters that show nothing but change how the rest is shown."""
    return text.translate(_INVISIBLE)


def inert(text: str) -> str:
    """A quoted sentence on one line: no mark, link, image or tag in it, its words as they are."""
    text = _MARK.sub(r"(\1)", " ".join(visible(text).split()))
    return _TAG.sub("‹", _LINK.sub("] ", text)).replace("![", "! [")


def inert_title(title: str, longest: int = 200) -> str:
    """A title, at most `longest` characters, that cannot end or begin any Markdown."""
    words = " ".join(visible(title[: 4 * longest]).translate(_SIGNS).split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"
