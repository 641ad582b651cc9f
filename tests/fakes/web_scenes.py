"""What the stub answers: one scene for every state that the page must show.

A scene is chosen by a word in the question. Its steps are `(event, data)`; the step `("gate", x)`
waits until a test opens the gate, `("cut", {})` drops the connection, `("lose", {})` also forgets
the run.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.fakes.web_papers import BY_ID, PAPERS, Json, card, citation

Step = tuple[str, Any]
Scene = list[Step]

GOOD = (
    "**Sparse Codes Name the Parts of a Network** (2023): Sparse autoencoders trained on the "
    "activations of a two-layer model give 4,096 features that people can name [1]. Raters found "
    "87 % of them coherent, against 31 % of single units [1].\n\n"
    "At scale, resetting weights during training brings the share of dead features from 65 % down "
    "to 3 % [2]. A probe alone is not enough: it can reach 94 % accuracy on a property that the "
    "model never uses [3]."
)
_GOOD_SENTENCES = [
    ("Sparse autoencoders trained on the activations of a two-layer model give 4,096 features "
     "that people can name [1].", [1], "supported"),
    ("Raters found 87 % of them coherent, against 31 % of single units [1].", [1], "supported"),
    ("At scale, resetting weights during training brings the share of dead features from 65 % "
     "down to 3 % [2].", [2], "supported"),
    ("A probe alone is not enough: it can reach 94 % accuracy on a property that the model never "
     "uses [3].", [3], "supported"),
]  # fmt: skip
MIXED = (
    "Raters found 78 % of the features coherent [1]. Dictionaries now reach a million features "
    "and work for images too [2]. This will change the field."
)
_MIXED_SENTENCES = [
    ("Raters found 78 % of the features coherent [1].", [1], "altered",
     "78 % is not in the source"),
    ("Dictionaries now reach a million features and work for images too [2].", [2], "weak",
     "only part of it is in the source"),
    ("This will change the field.", [], "uncited", "no source is given"),
]  # fmt: skip


def answer(
    question: str,
    text: str,
    sentences: list[tuple[Any, ...]],
    citations: list[Json],
    **more: Any,
) -> Json:
    """A stored answer; ids are filled in by the server."""
    cited = {one["paper"]["id"] for one in citations}
    return {
        "id": "",
        "run_id": "",
        "conversation_id": None,
        "question": question,
        "query": question,
        "state": "answered",
        "text": text,
        "sentences": [
            dict(zip(("text", "marks", "verdict", "reason"), (*row, "")[:4], strict=True))
            for row in sentences
        ],
        "citations": citations,
        "also_retrieved": [card(whole) for whole in PAPERS if whole["id"] not in cited],
        "notes": [],
        "engine": "stub-model",
        "prompt_version": "answer-1",
        "snapshot": "5f3a9c0d1e2b4a67",
        "settings_hash": "c0ffee",
        "usage": {"prompt_tokens": 1812, "completion_tokens": 143, "cost": 0.0021},
        "timings": {"search_ms": 8.2, "first_delta_ms": 412.0, "total_ms": 1630.5},
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    } | more


def _beginning(question: str) -> Scene:
    found = [card(whole, rank) for rank, whole in enumerate(PAPERS, 1)]
    return [
        ("status", {"stage": "searching", "text": "Searching the abstracts"}),
        ("sources", {"query": question, "papers": found}),
        ("status", {"stage": "writing", "text": "Found 6 papers among 349"}),
    ]


def told(whole: Json) -> Scene:
    """The events of an answer: its text in pieces, every citation before its mark."""
    steps = _beginning(whole["question"])
    known = {one["n"]: one for one in whole["citations"]}
    for piece in re.findall(r"\S+\s*", whole["text"]):
        marks = [int(n) for n in re.findall(r"\[(\d+)\]", piece)]
        steps += [("cites", {"citations": [known.pop(n)]}) for n in marks if n in known]
        steps.append(("delta", {"text": piece}))
    return [*steps, ("done", {"answer": whole})]


def _good_citations() -> list[Json]:
    return [
        citation(1, BY_ID["sparse"], 1, 2),
        citation(2, BY_ID["scaling"], 2),
        citation(3, BY_ID["probe"], 1),
    ]


def good(question: str, **more: Any) -> Scene:
    return told(answer(question, GOOD, _GOOD_SENTENCES, _good_citations(), **more))


def mixed(question: str) -> Scene:
    return told(answer(question, MIXED, _MIXED_SENTENCES, _good_citations()[:2]))


def _refusal(question: str, state: str, text: str) -> Scene:
    nearest = [card(whole) for whole in PAPERS[:3]]
    asks = ["What do sparse codes name?", "What does a linear probe not tell?"]
    return told(
        answer(question, text, [], [], state=state, also_retrieved=nearest, suggestions=asks)
    )


def nothing(question: str) -> Scene:
    text = "This library does not hold an answer to that question."
    return _refusal(question, "not_in_library", text)


def nearby(question: str) -> Scene:
    text = "No abstract in this library answers that question. The papers nearest to it are below."
    return _refusal(question, "nearby", text)


def partial(question: str) -> Scene:
    return good(
        question, state="partial", notes=["The abstracts do not say how large the models were."]
    )


def provider(question: str) -> Scene:
    note = "The language model did not answer, so these are sentences of the abstracts themselves."
    return good(question, engine="extractive", notes=[note])


def restarts(question: str) -> Scene:
    """The good answer, before which a model wrote something that had to be thrown away."""
    whole = good(question)
    begun = next(n for n, (event, _) in enumerate(whole) if event == "cites")
    void = [
        ("cites", {"citations": [citation(1, BY_ID["probe"], 1)]}),
        ("delta", {"text": "Thrown away [1]. "}),
        ("restart", {"reason": "The model gave up."}),
        ("gate", "go"),
    ]
    return [*whole[:begun], *void, *whole[begun:]]


def rewritten(question: str) -> Scene:
    return good(
        question,
        query="dead features in sparse dictionaries for images",
        suggestions=["Which features name images?", "How is a dead feature found?"],
    )


def astral(question: str) -> Scene:
    quote = BY_ID["astral"]["sentences"][1]["text"]
    cited = [citation(1, BY_ID["astral"], 1)]
    return told(answer(question, f"{quote} [1]", [(f"{quote} [1]", [1], "verbatim")], cited))


def long(question: str) -> Scene:
    """About 10,000 characters with 60 marks."""
    sentence = (
        "Raters found that most of the features of a sparse dictionary are coherent, and the more "
        "of them there are, the finer is the distinction that each of them draws between inputs"
    )
    rows = [(f"{sentence} in case {i} [{i % 3 + 1}].", [i % 3 + 1], "supported") for i in range(60)]
    text = "".join(f"{row[0]}{chr(10) * 2 if i % 4 == 3 else ' '}" for i, row in enumerate(rows))
    by_number = [
        citation(1, BY_ID["sparse"], 2), citation(2, BY_ID["scaling"], 1),
        citation(3, BY_ID["probe"], 1),
    ]  # fmt: skip
    return told(answer(question, text.strip(), rows, by_number))


def markdown(question: str) -> Scene:
    text = (
        "# What holds\n\nTwo things *hold*:\n\n- **Names**: features can be named [1]\n"
        "  - by people\n- **Size**: `65 %` falls to 3 % [2]\n\n### Compared\n\n"
        "| Work | Features |\n|---|---|\n| Sparse codes | 4,096 [1] |\n| Dictionaries | 1e6 [2] |\n"
        "\n1. first\n2. second\n\n> a quote\n\n```\nx[1] = 2\n```\n\n"
        "ell_p and a*b*c stay; [0, 1] too."
    )
    return told(answer(question, text, [], _good_citations()[:2]))


def failing(question: str) -> Scene:
    problem = {
        "type": "unavailable",
        "title": "A part does not answer",
        "status": 503,
        "detail": "The index is being replaced. Try again in a moment.",
    }
    return [*good(question)[:14], ("error", problem)]


def _split(question: str, at: int, *steps: Step) -> Scene:
    whole = good(question)
    return [*whole[:at], *steps, *whole[at:]]


SCENES: dict[str, Callable[[str], Scene]] = {
    "mixed": mixed,
    "nothing": nothing,
    "nearby": nearby,
    "partial": partial,
    "provider": provider,
    "rewritten": rewritten,
    "since": lambda q: good(
        q, operators=[{"kind": "year", "text": "since 2022", "value": "2022-"}]
    ),
    "restarts": restarts,
    "astral": astral,
    "long": long,
    "markdown": markdown,
    "failing": failing,
    "waits": lambda q: _split(q, 1, ("gate", "go")),
    "holds": lambda q: _split(q, 24, ("gate", "go")),
    "grows": lambda q: _split(q, 40, ("gate", "go")),
    "cut": lambda q: _split(q, 20, ("cut", {})),
    "lost": lambda q: _split(q, 20, ("lose", {})),
}


def add_scene(word: str, scene: Callable[[str], Scene]) -> None:
    """Let questions with this word play the scene."""
    SCENES[word] = scene


def scene_of(question: str) -> Scene:
    """The scene whose word is in the question; the good answer otherwise."""
    for word, scene in SCENES.items():
        if re.search(rf"\b{word}\b", question.lower()):
            return scene(question)
    return good(question)
