"""What a sentence does in its abstract, told by its wording: aim, finding, caveat and the like."""

import re
from typing import Literal

Role = Literal["idea", "finding", "caveat", "background"]

_CHROME = re.compile(
    r"https?://|\bgithub\b|\b(?:source )?code (?:is|will be|are|and \w+ (?:is|are))\b.*\bavailable"
    r"|\bavailable at\b|\bproject page\b|^(?:©|copyright)",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(
    r"^(?:recent(?:ly)?\b|in recent years|over the (?:past|last)|despite|existing|previous|prior "
    r"(?:work|stud|method|approach)|current(?:ly)?\b|traditional|(?:however|yet|but),? (?:most|"
    r"existing|these|such|previous|current|it (?:is|remains)|little)|many (?:recent|existing))"
    r"|\b(?:remains? (?:unclear|unknown|largely|poorly|challenging|a challenge)|is (?:not well|"
    r"poorly|widely) (?:understood|known|believed|used|studied)|has (?:attracted|gained|received) "
    r"|have (?:attracted|gained|achieved|shown (?:great|remarkable|impressive)|led to impressive)"
    r"|little is known|an open (?:question|problem)|it is well (?:noted|known))",
    re.IGNORECASE,
)
_FINDING = re.compile(
    r"\bwe (?:\w+ )?(?:show|find|found|prove|observe|demonstrate|discover|establish|conclude|"
    r"identify|reveal)\b|\b(?:results?|experiments?|evaluations?|analys[ie]s|findings?|tests?|"
    r"it|and|colleagues|theory) (?:\w+ ){0,3}(?:show|shows|showed|suggests?|indicates?|"
    r"demonstrates?|reveals?|confirms?|supports?|highlights?)\b"
    r"|\b(?:outperform|surpass|exceed|improv|achiev|reduc|increas|reach|attain)\w*\b"
    r"|\b(?:competitive|better|faster|comparable|scored|matched|conclude)\b"
    r"|\d(?:\.\d+)? ?(?:%|percent|points)",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"^(?:this|these|those|that|such|it|its|they|their|he|she|here|both|there(?:by|fore)|thus|"
    r"hence|then|however|moreover|furthermore|additionally|in addition|also|finally|besides|"
    r"to (?:address|overcome|tackle|this|do|solve|mitigate|bridge|alleviate|remedy)\b|"
    r"in (?:this|that|these|contrast|particular)|as a result|consequently|instead|similarly|"
    r"for (?:this|that|these|example|instance)|second(?:ly)?|third(?:ly)?|one such|"
    r"on the (?:other|contrary)|nevertheless|nonetheless|specifically|particularly|concretely|"
    r"accordingly|the (?:former|latter|same|two|resulting|above|other))\b"
    r"(?!\s+(?:paper|work|article|study|survey|review)\b)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"^(?:this|these|those|it|its|they|their|such|that|both|the (?:former|latter|two|other))\b",
    re.IGNORECASE,
)
_CONNECTOR = re.compile(
    r"^(?:however|moreover|furthermore|additionally|in addition|in this (?:paper|work|study)|also|"
    r"finally|besides|therefore|thus|hence|consequently|nevertheless|nonetheless|specifically|"
    r"in particular|particularly|concretely|accordingly|second(?:ly)?|third(?:ly)?),?\s",
    re.IGNORECASE,
)

_OWN = re.compile(
    r"\b(?:we|our|(?:this|the present) (?:paper|work|study|article|manuscript|survey|thesis|"
    r"review|note|report|chapter)|here|is (?:proposed|presented|introduced))\b",
    re.IGNORECASE,
)

_CAVEAT = re.compile(
    r"^(?:however|but|nevertheless|although|though)\b|\b(?:limitations?|is limited|are limited|"
    r"fail(?:s|ed|ures?)?|cannot|worse|weak(?:er|ness)?|drawbacks?|suboptimal|struggles?|"
    r"not (?:always|necessarily|better)|at the (?:cost|expense)|far below|caution|no guarantee)\b",
    re.IGNORECASE,
)

# What a role adds to a sentence's score (0 to 1): on SciFact's rationales aim and background cues
# cost a sentence most; findings are what most questions ask for.
_CHROME_COST, _BACKGROUND_COST, _QUESTION_COST, _FINDING_GAIN = -0.4, -0.08, -0.12, 0.03


def role_score(sentence: str) -> float:
    """What the sentence's role adds to its worth as an answer, -0.6 to 0.03."""
    score = _CHROME_COST if _CHROME.search(sentence) else 0.0
    if sentence.rstrip().endswith("?"):
        score += _QUESTION_COST
    if _BACKGROUND.search(sentence):
        return score + _BACKGROUND_COST
    return score + (_FINDING_GAIN if _FINDING.search(sentence) else 0.0)


def role_of(sentence: str) -> Role:
    """What the sentence does in its abstract."""
    if _BACKGROUND.search(sentence):
        return "background"
    if _CAVEAT.search(sentence):
        return "caveat"
    return "finding" if _FINDING.search(sentence) else "idea"


def is_chrome(sentence: str) -> bool:
    """Whether the sentence tells of code, data or rights and not of the work."""
    return _CHROME.search(sentence) is not None


def tells_of_own_work(sentence: str) -> bool:
    """Whether the authors speak of what they did themselves."""
    return _OWN.search(sentence) is not None


def leans_on_previous(sentence: str) -> bool:
    """Whether the sentence opens with a word whose meaning stands in the sentence before it.

    "However," alone does not count: without it the sentence would stand.
    """
    rest = _CONNECTOR.sub("", sentence)
    return bool(_PRONOUN.match(rest) if rest != sentence else _DANGLING.match(sentence))
