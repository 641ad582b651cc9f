"""An answer as Slack blocks: what stands under its text, and the messages about it."""

from collections.abc import Iterable, Sequence
from typing import Any

from service.citations import Answer, Citation, PaperCard
from service.slack.text import escaped, link, shortened, web_address

Block = dict[str, Any]

MAX_PAPERS = 8  # with their sentences under an answer; the rest is behind "All sources"
MAX_FOLLOWUPS = 3
_MAX_CITED = 9_600  # characters of all cited papers, well under Slack's 13,000 a message
_MAX_QUOTES = 1_300  # characters of one paper's sentences
_LEAST = 80  # below that no sentence is begun
_MAX_TITLE = 300
_MAX_AUTHORS = 3
_BUTTON_TEXT = 75
_BUTTON_VALUE = 2_000

FEEDBACK = "citelight_feedback"
DELETE = "citelight_delete"
FOLLOW_UP = "citelight_follow_up"
RETRY = "citelight_retry"
POST = "citelight_post"

_FROM_PAPERS = ("nearby", "not_in_library")


def answer_blocks(
    answer: Answer, *, page: str | None, asker: str | None = None, is_private: bool = False
) -> list[Block]:
    """What stands under the answer's text.

    `page` is the answer's web page, `asker` who may delete the reply (nobody if None);
    `is_private` says that only the asker sees it: then it can be posted to the channel instead.
    """
    shown = answer.citations[:MAX_PAPERS]
    blocks = [_cited(citation, _MAX_CITED // len(shown)) for citation in shown]
    if answer.state in _FROM_PAPERS and answer.also_retrieved:
        blocks.append(_nearest(answer.also_retrieved))
    blocks.append(_context(*_made(answer, page)))
    if is_private:
        blocks.append(_actions([_button(POST, "Post to channel", answer.id)]))
        return blocks
    blocks.append(_opinion(answer.id, asker))
    if questions := answer.suggestions[:MAX_FOLLOWUPS]:
        buttons = [
            _button(f"{FOLLOW_UP}_{i}", question, question) for i, question in enumerate(questions)
        ]
        blocks.append(_actions(buttons))
    return blocks


def failure_blocks(run_id: str) -> list[Block]:
    """What stands under a reply that ended without an answer."""
    return [_actions([_button(RETRY, "Try again", run_id)])]


def markdown(text: str) -> Block:
    """A block of Markdown; the text must be inert."""
    return {"type": "markdown", "text": text}


def section(text: str) -> Block:
    """A block of mrkdwn; data in it must be escaped."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def sources_chunk(papers: Sequence[PaperCard]) -> list[dict[str, str]]:
    """The retrieved papers as sources of a progress step; those without an address are left out."""
    found = ((paper, web_address(paper.url)) for paper in papers[:MAX_PAPERS])
    return [
        {"type": "url", "url": address, "text": escaped(shortened(paper.title, 120))}
        for paper, address in found
        if address
    ]


def _cited(citation: Citation, room: int) -> Block:
    facts = f"[{citation.n}] {_facts(citation.paper)}"
    quotes: list[str] = []
    room = max(_LEAST, min(_MAX_QUOTES, room - len(facts)))
    for quoted in citation.evidence:
        if room < _LEAST:
            break
        quotes.append(f"“{escaped(shortened(quoted.quote, room))}”")
        room -= len(quotes[-1])
    return _context("\n".join([facts, *quotes]))


def _facts(paper: PaperCard) -> str:
    title = link(paper.url, shortened(paper.title, _MAX_TITLE))
    authors = ", ".join(paper.authors[:_MAX_AUTHORS])
    if len(paper.authors) > _MAX_AUTHORS:
        authors += " et al."
    facts = (title, shortened(escaped(authors), 200), str(paper.year or ""))
    note = ("summary, not the authors' abstract",) if paper.is_summary else ()
    return " · ".join(fact for fact in (*facts, *note) if fact)


def _nearest(papers: Iterable[PaperCard]) -> Block:
    lines = [f"• {_facts(paper)}" for paper in papers]
    return section("\n".join(["*Nearest papers*", *lines[:3]]))


def _made(answer: Answer, page: str | None) -> list[str]:
    n = len(answer.citations)
    papers = f"{n} abstract{'' if n == 1 else 's'}"
    if answer.state in _FROM_PAPERS:
        made = "No model wrote this."
    elif answer.engine == "extractive":
        made = f"Sentences of {papers}, word for word. No model wrote this."
    else:
        made = f"Written by the model {escaped(answer.engine)} from {papers}; check the quotes."
    notes = [escaped(shortened(note, 300)) for note in answer.notes[:4]]
    return [*notes, made, *([link(page, "All sources")] if page else [])]


def _opinion(answer_id: str, asker: str | None) -> Block:
    def choice(text: str, label: str, value: str) -> dict[str, Any]:
        return {"text": _plain(text), "accessibility_label": label, "value": value}

    elements: list[dict[str, Any]] = [
        {
            "type": "feedback_buttons",
            "action_id": FEEDBACK,
            "positive_button": choice("Helpful", "This answer helped", f"good:{answer_id}"),
            "negative_button": choice("Not helpful", "This answer did not", f"bad:{answer_id}"),
        }
    ]
    if asker:
        elements.append(
            {
                "type": "icon_button",
                "icon": "trash",
                "action_id": DELETE,
                "text": _plain("Delete"),
                "accessibility_label": "Delete this answer",
                "value": answer_id,
                "visible_to_user_ids": [asker],
            }
        )
    return {"type": "context_actions", "elements": elements}


def _context(*texts: str) -> Block:
    elements = [{"type": "mrkdwn", "text": text, "verbatim": True} for text in texts]
    return {"type": "context", "elements": elements}


def _actions(buttons: list[dict[str, Any]]) -> Block:
    return {"type": "actions", "elements": buttons}


def _button(action_id: str, text: str, value: str) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": action_id,
        "text": _plain(shortened(text, _BUTTON_TEXT)),
        "value": value[:_BUTTON_VALUE],
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
