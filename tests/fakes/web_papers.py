"""Invented papers for the stub behind the web pages, and the shapes that `/v1` gives them."""

import hashlib
import re
from typing import Any

Json = dict[str, Any]


def paper(
    key: str,
    title: str,
    abstract: str,
    authors: tuple[str, ...] = ("Ada M. Lind", "Jo van Dijk"),
    year: int | None = 2023,
    venue: str | None = "Journal of Small Results",
    **more: Any,
) -> Json:
    """A paper as `GET /v1/papers/{id}` gives it: sentences end at full stops before a blank."""
    spans = [m.span() for m in re.finditer(r"\S.*?[.!?](?=\s|$)|\S[^.!?]*$", abstract, re.DOTALL)]
    return {
        "id": key,
        "title": title,
        "authors": list(authors),
        "year": year,
        "venue": venue,
        "url": f"https://example.org/{key}",
        "doi": None,
        "arxiv_id": None,
        "is_title_derived": False,
        "is_summary": False,
        "pubmed_id": None,
        "categories": [],
        "abstract": abstract,
        "sentences": [
            {"n": n, "start": start, "end": end, "text": abstract[start:end]}
            for n, (start, end) in enumerate(spans)
        ],
    } | more


_CARD = "id title authors year venue url doi arxiv_id is_title_derived is_summary".split()


def card(whole: Json, rank: int | None = None) -> Json:
    """The card of a paper; with its rank also why it was found."""
    shown = {name: whole[name] for name in _CARD}
    if rank is None:
        return shown
    terms = whole["title"].lower().split()[:2]
    why = {
        "dense_rank": rank,
        "lexical_rank": rank + 1,
        "dense_score": round(0.9 - rank / 20, 2),
        "lexical_score": 12.5 - rank,
        "matched_terms": terms,
    }
    return shown | {"score": round(1 - rank / 10, 2), "why": why}


def evidence(whole: Json, n: int) -> Json:
    """Sentence `n` as evidence."""
    sentences = whole["sentences"]
    quote = sentences[n]["text"]
    return {
        "sentence": n,
        "start": sentences[n]["start"],
        "end": sentences[n]["end"],
        "quote": quote,
        "sha256": hashlib.sha256(quote.encode()).hexdigest(),
        "before": sentences[n - 1]["text"] if n else None,
        "after": sentences[n + 1]["text"] if n + 1 < len(sentences) else None,
    }


def citation(n: int, whole: Json, *sentences: int) -> Json:
    """What mark `n` stands for."""
    return {"n": n, "paper": card(whole), "evidence": [evidence(whole, s) for s in sentences]}


PAPERS = [
    paper(
        "sparse",
        "Sparse Codes Name the Parts of a Network",
        "Single units of a language model answer to many unrelated inputs. We train sparse "
        "autoencoders on the activations of a two-layer model and find 4,096 features that people "
        "can name. Raters found 87 % of these features coherent, against 31 % of single units. "
        "Removing one feature changes the output in the way its name says.",
        ("Ada M. Lind", "Jo van Dijk", "Ines Ferreira", "Kofi Mensah"),
        2023,
        "Conference on Readable Models",
        doi="10.1000/sparse.4096",
    ),
    paper(
        "scaling",
        "Dictionaries of a Million Features",
        "Sparse dictionaries had been shown for small models only. We train dictionaries with up "
        "to one million features on a model in production. The number of dead features falls from "
        "65 % to 3 % when their weights are reset during training. Features for the same idea "
        "appear in text and in images.",
        ("Mei Tanaka",),
        2024,
        "arXiv",
        arxiv_id="2404.01234",
    ),
    paper(
        "probe",
        "What a Linear Probe Does Not Tell",
        "Linear probes are a common way to ask what a layer knows. We show that a probe can reach "
        "94 % accuracy on a property that the model never uses. Probes should be followed by an "
        "intervention on the same direction.",
        ("Samuel O'Connor", "Li Wei"),
        2021,
        None,
    ),
    paper(
        "steer",
        "Steering Text by Adding a Vector",
        "Adding a fixed vector to the activations changes the mood of the text that a model "
        "writes. The change holds over 200 tokens and costs no training. Large vectors make the "
        "text ungrammatical.",
        (),
        None,
        None,
        url=None,
        is_title_derived=True,
    ),
    paper(
        "astral",
        "𝔼𝕩𝕒𝕞𝕡𝕝𝕖𝕤 of 😀 in Astral Planes 漢字",
        "Emoji 😀😀 come first here. The measure 𝜇 grew by 12 % under 𝒟-noise 🧪 in every run. "
        "漢字もあります。 Nothing else changed.",
        ("Zoë Ångström",),
        2020,
        "Übersicht",
    ),
    paper(
        "walnut",
        "Walnut Shells as a Filter for Rain",
        "Roof water carries dust. Ground walnut shells hold back 71 % of it for a season.",
        ("Petra Nový",),
        2019,
        "Garden Letters",
        is_summary=True,
    ),
]
BY_ID = {whole["id"]: whole for whole in PAPERS}
