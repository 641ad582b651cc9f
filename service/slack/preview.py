"""The reply to a question as Slack would get it, without Slack."""

from typing import Any

from service.citations import Answer
from service.slack.blocks import answer_blocks
from service.slack.text import inert, messages
from service.slack.validation import check_blocks


def reply_of(answer: Answer, *, page: str | None) -> list[dict[str, Any]]:
    """The messages of a reply, in order: `{markdown_text, blocks}`, blocks on the last only.

    Raises:
        CitelightError: Slack's models refuse the blocks.
    """
    blocks = answer_blocks(answer, page=page, asker="U0PREVIEW")
    check_blocks(blocks)
    texts = messages(inert(answer.text)) or [""]
    replies: list[dict[str, Any]] = [{"markdown_text": text} for text in texts]
    replies[-1]["blocks"] = blocks
    return replies
