"""True sentences said in other words, made by rule: the verdicts must let them pass."""

import re
from collections.abc import Callable, Sequence
from random import Random

Rule = Callable[[str, Random], str | None]  # None: the rule has nothing to change here

_OPENERS = re.compile(
    r"^(?:However|Moreover|Furthermore|Additionally|In addition|Finally|Specifically|In particular"
    r"|Interestingly|Surprisingly|Importantly|Notably|Therefore|Thus|Hence|Consequently|Here"
    r"|In this (?:paper|work|study|article)|In conclusion|Overall|Indeed|Also|Recently|Then"
    r"|Experimental results|To (?:this|that) end|As a result|On the other hand|In summary"
    r"|(?:BACKGROUND|METHODS|RESULTS|CONCLUSIONS?|OBJECTIVES?|AIMS?|PURPOSE|FINDINGS)(?:\b|:)),?:?\s+"
)
_KEPT_ADVERBS = frozenset(
    """only early likely unlikely family apply supply rely imply reply fly daily weekly monthly
    yearly anomaly assembly partially hardly rarely scarcely barely negatively positively multiply
    inversely oppositely nearly roughly approximately highly poorly elderly friendly anomaly
    linearly exponentially locally globally internally externally directly indirectly respectively
    july italy butterfly polly quickly slowly weakly strongly commonly usually mostly fully
    """.split()
)
_SYNONYMS = {
    "show": "demonstrate", "shows": "demonstrates", "showed": "demonstrated",
    "demonstrate": "show", "demonstrates": "shows", "demonstrated": "showed",
    "propose": "put forward", "proposes": "puts forward", "find": "observe", "found": "observed",
    "observed": "seen", "method": "technique", "methods": "techniques",
    "approach": "technique", "approaches": "techniques", "novel": "new", "several": "multiple",
    "various": "diverse", "obtain": "get", "obtained": "gotten", "obtains": "gets",
    "utilize": "use", "utilizing": "using", "employ": "use", "employed": "used",
    "examine": "study", "examined": "studied", "investigate": "examine",
    "investigated": "examined", "evaluate": "assess", "evaluated": "assessed",
    "assess": "evaluate", "assessed": "evaluated", "develop": "build", "developed": "built",
    "introduce": "present", "introduces": "presents", "important": "key", "crucial": "vital",
    "suggest": "indicate", "suggests": "indicates", "indicate": "suggest",
    "increase": "rise", "increased": "elevated", "increases": "raises", "reduce": "decrease",
    "reduces": "lowers", "reduced": "decreased", "decrease": "reduction",
    "decreased": "reduced", "decreases": "reduces", "improve": "enhance",
    "improves": "enhances", "improved": "enhanced", "outperforms": "surpasses",
    "outperform": "surpass", "higher": "greater", "lower": "smaller", "greater": "larger",
    "large": "big", "rapid": "fast", "significant": "notable", "significantly": "markedly",
    "require": "need", "requires": "needs", "because": "since", "although": "though",
    "whereas": "while", "such as": "like", "in order to": "to", "due to": "owing to",
    "patients": "people", "subjects": "participants", "achieve": "reach",
    "achieves": "reaches", "achieved": "reached", "performance": "results",
    "address": "tackle", "problem": "challenge", "enable": "allow", "enables": "allows",
    "identify": "detect", "identified": "detected", "associated with": "linked to",
    "including": "among them", "provide": "offer", "provides": "offers", "via": "through",
    "inhibits": "suppresses", "inhibited": "suppressed", "promotes": "stimulates",
    "crucially": "vitally", "major": "main", "role": "part", "compared with": "relative to",
    "compared to": "relative to", "state-of-the-art": "best existing", "often": "frequently",
    "recent": "latest", "many": "numerous", "common": "widespread",
}  # fmt: skip
_DENIALS = (
    (r"\b(is|are|was|were|does|do|did|has|have|could|would|should) not (?!only|just)", r"\1n't "),
    (r"\bcannot\b", "is unable to"),
    (r"\b(?:was|were) not able to\b", "could not"),
    (r"\bdid not\b", "failed to"),
    (r"\bfailed to\b", "did not"),
    (r"\bwithout\b", "with no"),
    (r"\black of\b", "absence of"),
    (r"\babsence of\b", "lack of"),
    (r"\b([Nn])o significant\b", r"\1ot any significant"),
    (r"\bno (difference|effect|evidence|change|association)\b", r"not any \1"),
    (r"\bnot significant\b", "insignificant"),
    (r"\bnot (known|clear|necessary|likely|available|able|affected|changed)\b", r"un\1"),
    (r"\bun(known|clear|necessary|likely|available|able|affected|changed)\b", r"not \1"),
)
_SMALL = dict(
    enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
)


def drop_brackets(text: str, random: Random) -> str | None:
    """Leaves out what stands in round brackets."""
    return _changed(text, re.sub(r"\s+\([^()]*\)(?![\w-])", "", text))


def drop_opener(text: str, random: Random) -> str | None:
    """Leaves out "However," and the like."""
    bare = _OPENERS.sub("", text)
    return _changed(text, bare[:1].upper() + bare[1:])


def drop_adverbs(text: str, random: Random) -> str | None:
    """Leaves out adverbs of manner."""

    def keep(match: re.Match[str]) -> str:
        return match[0] if match[1].casefold() in _KEPT_ADVERBS else ""

    return _changed(text, re.sub(r"\b([a-z]{3,}ly) ", keep, text))


def move_front_to_back(text: str, random: Random) -> str | None:
    """ "In mice, it works." to "It works in mice." """
    match = re.match(
        r"((?:In|For|During|After|At|On|Among|Within|From|Under|Across) [^,.;:]{3,60}), "
        r"((?:we|the|a|an|this|these|it|our|all|both)\b[^;:]+)\.$",
        text,
    )
    if not match:
        return None
    return f"{match[2][0].upper()}{match[2][1:]} {match[1][0].lower()}{match[1][1:]}."


def move_subordinate(text: str, random: Random) -> str | None:
    """ "Although A, B." to "B, although A." """
    match = re.match(r"(Although|While|Whereas|Because|Since|When|If) ([^,;:]+), ([^;:]+)\.$", text)
    if not match:
        return None
    return f"{match[3][0].upper()}{match[3][1:]}, {match[1].lower()} {match[2]}."


def use_synonyms(text: str, random: Random) -> str | None:
    """Up to four words by others of the same meaning."""
    found = [word for word in _SYNONYMS if re.search(rf"\b{re.escape(word)}\b", text)]
    changed = text
    for word in random.sample(found, min(4, len(found))):
        changed = re.sub(rf"\b{re.escape(word)}\b", _SYNONYMS[word], changed, count=1)
    return _changed(text, changed)


def third_person(text: str, random: Random) -> str | None:
    """ "We" to "the authors"."""
    changed = re.sub(r"^We\b", "The authors", text)
    changed = re.sub(r"\bwe\b", "the authors", changed)
    changed = re.sub(r"\b([oO])ur\b", lambda m: "Their" if m[1] == "O" else "their", changed)
    return _changed(text, changed)


def passive(text: str, random: Random) -> str | None:
    """ "We propose X that ..." to "X is proposed that ..." """
    match = re.match(
        r"We (propose|present|introduce|study|investigate|describe|analyze|examine) "
        r"((?:a|an|the) [^,;:]{5,60}?)( (?:that|which|to|for|where|by|using)\b.*|)\.$",
        text,
    )
    if not match:
        return None
    verb = match[1].removesuffix("e").replace("study", "studi") + "ed"
    return f"{match[2][0].upper()}{match[2][1:]} is {verb}{match[3]}."


def attribute(text: str, random: Random) -> str | None:
    """Says who says it."""
    opener = random.choice(
        [
            "The study reports that",
            "According to the authors,",
            "It was found that",
            "The paper says",
        ]
    )
    start = (
        text
        if re.match(r"[A-Z]{2}|[A-Z][a-z]*[A-Z0-9]|[A-Z]\b", text)
        else text[0].lower() + text[1:]
    )
    return f"{opener} {start}"


def respell_numbers(text: str, random: Random) -> str | None:
    """ "%" to "percent", "1,000" to "1000", "two" to "2", and so on."""
    changed = re.sub(r"(\d)\s?%", r"\1 percent", text)
    changed = re.sub(r"\b(\d{1,3}),(\d{3})\b", r"\1\2", changed)
    for digit, word in _SMALL.items():
        if digit > 1:
            changed = re.sub(rf"(?<![\w.,=<>-] )(?<![\w.,-]){digit}(?= [a-z]{{4,}})", word, changed)
    if changed == text:
        for digit, word in _SMALL.items():
            if digit > 1:
                changed = re.sub(rf"(?<![\w-]){word}(?![\w-])", str(digit), changed)
    return _changed(text, changed)


def round_number(text: str, random: Random) -> str | None:
    """ "12.4 %" to "about 12 %"."""
    match = re.search(r"(?<![\w.,<>=≤≥±-])(\d{2,3})\.(\d+)(?= ?%)", text)
    if not match:
        return None
    return f"{text[: match.start()]}about {round(float(match[0]))}{text[match.end() :]}"


def deny_otherwise(text: str, random: Random) -> str | None:
    """The same denial in another form."""
    for pattern, instead in random.sample(_DENIALS, len(_DENIALS)):
        if re.search(pattern, text):
            return re.sub(pattern, instead, text, count=1)
    return None


def keep_main_clause(text: str, random: Random) -> str | None:
    """What stands before ", and we", ", while", "; " and the like."""
    match = re.match(r"(.{50,}?)(?:;|, (?:and (?:we|that|it|the)|while|whereas|but)\b)", text)
    if not match or re.match(r"(?:Although|While|Whereas|If|When|Because)\b", text):
        return None
    return match[1] + "."


RULES: Sequence[Rule] = (
    drop_brackets, drop_opener, drop_adverbs, move_front_to_back, move_subordinate, use_synonyms,
    third_person, passive, attribute, respell_numbers, round_number, deny_otherwise,
    keep_main_clause,
)  # fmt: skip


def reword(text: str, random: Random, *, most: int = 4) -> tuple[str, tuple[str, ...]]:
    """The sentence after one to `most` rules that apply, and their names."""
    used: list[str] = []
    for rule in random.sample(list(RULES), len(RULES)):
        if len(used) == most or (rule is attribute and used and random.random() < 0.7):
            continue
        changed = rule(text, random)
        if changed:
            text, used = changed, [*used, rule.__name__]
    return text, tuple(used)


def _changed(before: str, after: str) -> str | None:
    return after if after != before and len(after.split()) > 4 else None
