"""Checks blocks against Slack's own models and limits before they are sent or shown."""

from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, MarkdownBlock

from ingest.errors import CitelightError

_MAX_BLOCKS = 50
_MAX_TEXT = 13_000  # characters of all blocks of one message, as Slack counts in practice


def check_blocks(blocks: list[dict[str, Any]]) -> None:
    """Does nothing for blocks that Slack takes.

    Raises:
        CitelightError: a limit is broken, or a block is unknown to slack_sdk; a mistake of ours.
    """
    parsed = Block.parse_all(blocks)
    if len(parsed) != len(blocks) or len(blocks) > _MAX_BLOCKS:
        raise CitelightError(f"{len(blocks)} blocks, of which {len(parsed)} can be sent.")
    try:
        for block in parsed:
            block.to_dict()  # validates
    except SlackObjectFormationError as error:
        raise CitelightError(f"Slack would refuse a block: {error}") from error
    length = sum(len(text) for text in _texts(blocks))
    if length > _MAX_TEXT:
        raise CitelightError(f"The blocks of a message hold {length:,} characters.")
    if sum(isinstance(block, MarkdownBlock) for block in parsed) > 1:
        raise CitelightError("A message takes one block of Markdown.")


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return []
