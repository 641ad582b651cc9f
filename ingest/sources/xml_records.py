"""XML exports, read element by element: PubMed, arXiv's Atom feed, OAI-PMH.

No entity is resolved, nothing is fetched, and libxml2's limits on size and depth stay on, so that
neither external entities nor exponential expansion do anything.
"""

import re
from collections.abc import Callable, Iterator

from lxml import etree

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources.blobs import Blob
from ingest.sources.markup import Element, local_name

_DECLARES = re.compile(r"<!ENTITY\b")
Reader = Callable[[Element, str], Record | Rejection | None]


def declares_entities(head: str) -> bool:
    """Whether a document's start declares entities of its own, which no export needs."""
    return _DECLARES.search(head) is not None


def read_elements(blob: Blob, names: frozenset[str], read: Reader) -> Iterator[Record | Rejection]:
    """What `read` makes of each element with one of the local names; None is passed over.

    An element is forgotten once it is read, so memory stays constant.

    Raises:
        InvalidInput: the XML breaks off or is malformed; raised after all whole elements.
    """
    if declares_entities(blob.head().decode("utf-8", "replace")):
        raise InvalidInput(
            f"{blob.name} declares XML entities, which are refused because they can expand without"
            " end. Remove the <!ENTITY …> lines."
        )
    with blob.open() as stream:
        events = etree.iterparse(
            stream, ("end",), resolve_entities=False, no_network=True, load_dtd=False
        )
        number = 0
        try:
            for _, element in events:
                if local_name(element) not in names:
                    continue
                item = read(element, f"record {number + 1}")
                if item is not None:
                    number += 1
                    yield item
                _forget(element)
        except etree.XMLSyntaxError as error:
            raise InvalidInput(
                f"{blob.name} is cut or malformed after record {number}"
                f" ({_reason(error)}). Download or export it again."
            ) from error


def raw_of(element: Element) -> str:
    """The element as XML text."""
    return etree.tostring(element, encoding="unicode", with_tail=False)


def first(element: Element, *path: str) -> Element | None:
    """The first descendant along a path of local names of children, or None."""
    for name in path:
        found = next((child for child in element if local_name(child) == name), None)
        if found is None:
            return None
        element = found
    return element


def every(element: Element, name: str) -> Iterator[Element]:
    """All descendants with the local name, in the document's order."""
    return (found for found in element.iter() if local_name(found) == name)


def _forget(element: Element) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _reason(error: etree.XMLSyntaxError) -> str:
    return str(error).split(" (<", 1)[0][:200]
