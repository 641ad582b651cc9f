"""XML elements and mark-up strings as running text: sections, italics, formulas.

Section titles become labels ("METHODS: …"), block elements part words, inline elements do not.
Formulas in MathML become the linear form that one would type: `x_i^2`, `(a, b)`, `p/q`.
"""

from collections.abc import Iterable

from lxml import etree

from ingest.sources.text import untag

Element = etree._Element  # lxml's own name for the type of its elements
MAX_DEPTH = 200  # of nested elements; genuine abstracts nest about ten deep
_BLOCKS = frozenset(
    "p sec title list list-item li br div h1 h2 h3 h4 h5 h6 ul ol AbstractText abstract".split()
)
_SKIPPED = frozenset("tex-math annotation annotation-xml graphic inline-graphic".split())
_SCRIPTS = {"msup": ("^",), "msub": ("_",), "msubsup": ("_", "^"), "munder": ("_",)} | {
    "mover": ("^",),
    "munderover": ("_", "^"),
}
_NOISE_TITLES = frozenset(("abstract", "summary", "abstract:", "summary:"))
_NAMESPACES = (
    'xmlns:jats="urn:jats" xmlns:mml="urn:mml" xmlns:xlink="urn:xlink" xmlns:ali="urn:ali"'
    ' xmlns:m="urn:m" xmlns:xsi="urn:xsi"'
)


def local_name(element: Element) -> str:
    """The element's name without its namespace; "" for a comment or an instruction."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def text_of(element: Element | None) -> str:
    """The running text in an element; "" for None."""
    return "" if element is None else "".join(_inner(element, 0))


def plain_text(markup: str) -> str:
    """The running text of a string of JATS, HTML or neither."""
    if "<" not in markup:
        return untag(markup)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        data = f"<x {_NAMESPACES}>{markup}</x>".encode("utf-8", "ignore")  # lone surrogates
        return text_of(etree.fromstring(data, parser))
    except etree.XMLSyntaxError:  # "p < .05": not XML, so only known tags are taken off
        return untag(markup)


def _pieces(element: Element, depth: int) -> Iterable[str]:
    name = local_name(element)
    if name in _SKIPPED or depth > MAX_DEPTH or not name:
        return
    if name == "math":
        yield f" {_formula(element, depth)} " if _is_display(element) else _formula(element, depth)
        return
    if name == "title":
        title = "".join(_inner(element, depth)).strip()
        if title.casefold() not in _NOISE_TITLES:
            yield f" {title}{'' if title.endswith((':', '.', '?')) else ':'} "
        return
    space = " " if name in _BLOCKS else ""
    yield space
    yield from _inner(element, depth)
    yield space


def _inner(element: Element, depth: int) -> Iterable[str]:
    yield element.text or ""
    for child in element:
        yield from _pieces(child, depth + 1)
        yield child.tail or ""


def _is_display(element: Element) -> bool:
    return element.get("display") == "block"


def _formula(element: Element, depth: int) -> str:
    """A MathML element in linear form."""
    name = local_name(element)
    if name in _SKIPPED or depth > MAX_DEPTH or not name:
        return ""
    parts = [_formula(child, depth + 1) for child in element]
    parts = [part for part in parts if part]
    if name in _SCRIPTS and len(parts) == len(_SCRIPTS[name]) + 1:
        marks = ("", *_SCRIPTS[name])
        return "".join(m + (p if not m else _group(p)) for m, p in zip(marks, parts, strict=True))
    if name == "mfrac" and len(parts) == 2:
        return f"{_group(parts[0])}/{_group(parts[1])}"
    if name in ("msqrt", "mroot") and parts:
        return f"√{_group(parts[0])}"
    if name == "mfenced":
        comma = element.get("separators", ",").strip()[:1]
        opening, closing = element.get("open", "("), element.get("close", ")")
        return f"{opening}{(comma + ' ' if comma else '').join(parts)}{closing}"
    if parts:
        return (" " if name in ("matrix", "mtable", "matrixrow", "mtr") else "").join(parts)
    text = (element.text or "").strip()
    return f" {text} " if name == "mo" and text in _RELATIONS else text or _symbol(name)


_RELATIONS = frozenset("= < > ≤ ≥ ≈ ≠ ~ ∼ ± × + − ∈ → ⇒ ∝".split())
_SYMBOLS = {"infinity": "∞", "in": "∈", "complexes": "ℂ", "pi": "π", "reals": "ℝ", "integers": "ℤ"}


def _symbol(name: str) -> str:
    return _SYMBOLS.get(name, "")


def _group(part: str) -> str:
    """The part, in parentheses where a linear form would read it apart."""
    return part if part.isalnum() or len(part) == 1 else f"({part.strip()})"
