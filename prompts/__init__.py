"""The words sent to the LLM: one Markdown file a prompt, filled strictly."""

import hashlib
import re
from importlib.resources import files

_SLOT = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def render(name: str, **values: str) -> str:
    """The prompt `name` with every `{{slot}}` filled.

    Values go in as they are: braces inside them are text, never slots.

    Raises:
        ValueError: a slot has no value, or a value has no slot.
    """
    template = template_of(name)
    slots = set(_SLOT.findall(template))
    if slots != values.keys():
        missing, surplus = sorted(slots - values.keys()), sorted(values.keys() - slots)
        raise ValueError(f"prompt {name!r}: missing {missing}, surplus {surplus}")
    return _SLOT.sub(lambda slot: values[slot[1]], template)


def template_of(name: str) -> str:
    """The unfilled text of the prompt `name`."""
    return (files(__package__) / f"{name}.md").read_text(encoding="utf-8")


def version(*names: str) -> str:
    """12 hexadecimal digits that change with any word of the templates `names`."""
    whole = hashlib.sha256()
    for name in names:
        whole.update(f"{name}\x1f{template_of(name)}\x1f".encode())
    return whole.hexdigest()[:12]
