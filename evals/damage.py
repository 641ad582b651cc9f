"""True sentences made false, one fact at a time: the verdicts must catch them.

The word lists here are their own, not those of the guards.
"""

import re
from collections.abc import Callable, Sequence
from random import Random

Damage = Callable[[str, str, Random], str | None]  # (sentence, abstract, random) -> false sentence

_NUMBER = re.compile(
    r"(?<![\w.,/^{(\[-])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?![\w.,-]*[A-Za-z]{3}-)(?!\d|[.,]\d|[\w-]*\d)"
)
_SPELLED = "two three four five six seven eight nine ten twelve twenty thirty fifty".split()
_UNITS = {
    "%": "-fold", "mg": "g", "kg": "mg", "g": "kg", "ms": "s", "s": "ms", "seconds": "hours",
    "minutes": "hours", "min": "days", "h": "weeks", "hours": "days", "hour": "month",
    "days": "months", "day": "year", "weeks": "years", "week": "day", "months": "days",
    "month": "decade", "years": "weeks", "year": "day", "wk": "h", "million": "billion",
    "billion": "million", "thousand": "million", "mm": "cm", "cm": "km", "nm": "mm", "km": "m",
    "GB": "KB", "MB": "GB", "Hz": "kHz", "GHz": "Hz", "fold": " percent", "times": "percent",
    "percent": "days", "ml": "l", "kDa": "kg", "mmol": "nmol", "nM": "mM",
}  # fmt: skip
_FLIPS = {
    "increase": "decrease", "increases": "decreases", "increased": "decreased",
    "increasing": "decreasing", "decrease": "increase", "decreases": "increases",
    "decreased": "increased", "reduce": "raise", "reduces": "raises", "reduced": "raised",
    "reducing": "raising", "reduction": "rise", "higher": "lower", "lower": "higher",
    "high": "low", "low": "high", "greater": "smaller", "larger": "smaller",
    "smaller": "larger", "more": "less", "less": "more", "fewer": "more", "better": "worse",
    "worse": "better", "best": "worst", "improve": "worsen", "improves": "worsens",
    "improved": "worsened", "improving": "worsening", "improvement": "deterioration",
    "improvements": "deteriorations", "outperform": "underperform",
    "outperforms": "underperforms", "outperformed": "underperformed",
    "outperforming": "underperforming", "enhance": "impair", "enhances": "impairs",
    "enhanced": "impaired", "promote": "inhibit", "promotes": "inhibits",
    "promoted": "inhibited", "inhibit": "stimulate", "inhibits": "stimulates",
    "inhibited": "stimulated", "inhibition": "stimulation", "activation": "suppression",
    "activates": "represses", "induced": "blocked", "induces": "blocks",
    "suppresses": "promotes", "suppressed": "promoted", "faster": "slower",
    "slower": "faster", "stronger": "weaker", "strong": "weak", "weak": "strong",
    "positive": "negative", "negative": "positive", "positively": "negatively",
    "negatively": "positively", "before": "after", "after": "before", "most": "few",
    "many": "few", "majority": "minority", "all": "none of the", "always": "never",
    "often": "rarely", "early": "late", "late": "early", "short": "long", "long": "short",
    "large": "small", "small": "large", "above": "below", "below": "above",
    "maximum": "minimum", "minimum": "maximum", "superior": "inferior", "rapid": "slow",
    "rapidly": "slowly", "similar": "different", "different": "identical",
    "sensitive": "insensitive", "resistant": "susceptible", "efficient": "inefficient",
    "effective": "ineffective", "efficiently": "inefficiently", "effectively": "ineffectively",
    "necessary": "unnecessary", "sufficient": "insufficient", "possible": "impossible",
    "common": "rare", "rare": "common", "upregulated": "downregulated", "men": "women",
    "women": "men", "male": "female", "children": "adults", "mice": "rats", "rats": "rabbits",
    "adults": "infants", "simple": "complex", "complex": "simple", "accurate": "inaccurate",
    "robust": "fragile", "supports": "contradicts", "confirm": "refute", "confirmed": "refuted",
    "protects": "endangers", "dependent": "independent", "independent": "dependent",
    "directly": "indirectly", "linear": "nonlinear", "supervised": "unsupervised",
    "local": "global", "global": "local", "sparse": "dense", "offline": "online",
    "online": "offline", "static": "dynamic", "dynamic": "static", "cheaper": "costlier",
    "gain": "loss", "loss": "gain", "success": "failure", "stable": "unstable",
    "enables": "prevents", "enable": "prevent", "allows": "forbids", "allow": "forbid",
    "facilitates": "hinders", "facilitate": "hinder", "easily": "hardly", "favorable": "adverse",
    "mild": "severe", "severe": "mild", "beneficial": "harmful", "increasingly": "decreasingly",
    "outside": "inside", "inside": "outside", "quickly": "slowly", "normal": "abnormal",
    "abnormal": "normal", "excellent": "poor", "poor": "excellent", "good": "bad",
    "elevated": "depressed", "rich": "poor", "fully": "barely", "broad": "narrow",
}  # fmt: skip


def change_number(text: str, abstract: str, random: Random) -> str | None:
    """Another number where one stands; never one that the abstract has."""
    spots = [m for m in _NUMBER.finditer(text) if m[1] not in ("0", "1")]
    for match in random.sample(spots, len(spots)):
        for _ in range(5):
            other = _other_number(match[1], random)
            if not re.search(rf"(?<![\d.,]){re.escape(other)}(?![\d]|[.,]\d)", abstract):
                return text[: match.start(1)] + other + text[match.end(1) :]
    return _change_spelled(text, abstract, random)


def _change_spelled(text: str, abstract: str, random: Random) -> str | None:
    spots = [m for m in re.finditer(r"\b[a-z]+\b", text) if m[0] in _SPELLED]
    if not spots:
        return None
    match = random.choice(spots)
    others = [w for w in _SPELLED if not re.search(rf"\b{w}\b", abstract)]
    if not others:
        return None
    return text[: match.start()] + random.choice(others) + text[match.end() :]


def _other_number(written: str, random: Random) -> str:
    digits = written.replace(",", "")
    decimals = len(digits.partition(".")[2])
    value = float(digits)
    way = random.randrange(4)
    if way == 0:
        value *= random.choice([10, 0.1] if decimals else [10])
        decimals = decimals if value >= 1 else decimals + 1
    elif way == 1 and len(digits) > 1 and digits[0] != digits[1] and digits[1] not in "0.":
        return digits[1] + digits[0] + digits[2:]
    elif way == 2:
        value *= random.choice([0.5, 2, 1.5, 3])
    else:
        value += random.choice([-1, 1]) * max(10**-decimals, value * random.uniform(0.05, 0.4))
    return f"{abs(value):.{decimals}f}"


def change_unit(text: str, abstract: str, random: Random) -> str | None:
    """The same number with another unit or scale."""
    spots = [
        m
        for m in re.finditer(r"(?<![\w.-])(\d+(?:\.\d+)?)(\s?-?)([A-Za-z]+|%)", text)
        if m[3] in _UNITS
    ]
    if not spots:
        return None
    match = random.choice(spots)
    gap = "" if _UNITS[match[3]][0] in " -" else match[2]
    return text[: match.start()] + match[1] + gap + _UNITS[match[3]] + text[match.end() :]


def negate(text: str, abstract: str, random: Random) -> str | None:
    """Takes a denial out if there is one, else puts one in."""
    for pattern, instead in (
        (r"\b(is|are|was|were|do|does|did|has|have|had|can|could|may|will) not\b", r"\1"),
        (r"\bcannot\b", "can"),
        (r"\bnot (?!only|just|merely)", ""),
        (r"\bunable to\b", "able to"),
        (r"\bno (significant|difference|effect|evidence|association|change|clear)", r"a \1"),
        (r"\bwithout\b", "with"),
        (r"\bfail(?:s|ed)? to\b", "manage to"),
    ):
        if re.search(pattern, text) and random.random() < 0.8:
            return re.sub(pattern, instead, text, count=1)
    return _put_not(text, random)


def _put_not(text: str, random: Random) -> str | None:
    auxiliary = list(
        re.finditer(r"\b(is|are|was|were|can|could|will|has been|have been)\b(?! not)", text)
    )
    if auxiliary:
        match = random.choice(auxiliary)
        return f"{text[: match.end()]} not{text[match.end() :]}"
    verb = re.search(
        r"\b([Ww]e|[Tt]he authors|results|that) (show|demonstrate|find|observe|achieve|outperform"
        r"|improve|increase|use|consider|need|require|depend|support|provide)\b",
        text,
    )
    return f"{text[: verb.start(2)]}do not {text[verb.start(2) :]}" if verb else None


def flip_direction(text: str, abstract: str, random: Random) -> str | None:
    """One word by its opposite."""
    spots = [m for m in re.finditer(r"\b[A-Za-z]+\b", text) if m[0].lower() in _FLIPS]
    if not spots:
        return None
    match = random.choice(spots)
    other = _FLIPS[match[0].lower()]
    other = other.capitalize() if match[0][0].isupper() else other
    return text[: match.start()] + other + text[match.end() :]


def names_in(text: str) -> list[re.Match[str]]:
    """Acronyms and capitalised words within a sentence."""
    return [
        m
        for m in re.finditer(r"(?<![\w-])[A-Za-z][\w-]*[A-Za-z0-9](?![\w-])", text)
        if (m.start() > 0 and m[0][0].isupper() and text[m.start() - 2] not in ".:;!?")
        or sum(c.isupper() for c in m[0]) > 1
    ]


def name_pool(texts: Sequence[str]) -> list[str]:
    """The names in the texts that no text writes in lower case."""
    lower = {word for text in texts for word in re.findall(r"\b[a-z]+\b", text)}
    found = {match[0] for text in texts for match in names_in(text)}
    return sorted(name for name in found if name.casefold() not in lower)


def change_name(text: str, abstract: str, random: Random, others: Sequence[str]) -> str | None:
    """A name by one of `others` that the abstract does not have."""
    spots = names_in(text)
    foreign = [o for o in others if o.casefold() not in abstract.casefold()]
    if not spots or not foreign:
        return None
    match = random.choice(spots)
    return text[: match.start()] + random.choice(foreign) + text[match.end() :]


def move_number(text: str, abstract: str, random: Random) -> str | None:
    """A number by another one of the same abstract."""
    spots = [m for m in _NUMBER.finditer(text) if m[1] not in ("0", "1")]
    others = {m[1] for m in _NUMBER.finditer(abstract)} - {m[1] for m in spots} - {"0", "1"}
    if not spots or not others:
        return None
    match = random.choice(spots)
    return text[: match.start(1)] + random.choice(sorted(others)) + text[match.end(1) :]
