"""Numbers with their units, and whether two of them say the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {w: float(n) for n, w in enumerate(_SMALL.split())}
_WORDS |= {w: float(n) for n, w in zip(range(20, 100, 10), _TENS.split(), strict=True)}
_WORDS |= {"dozen": 12.0}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_GLUED_SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_SAID_AS_A_WORD = {
    "half": (50.0, "%"), "halves": (50.0, "%"), "halved": (50.0, "%"), "halving": (50.0, "%"),
    "twice": (2.0, "fold"), "double": (2.0, "fold"), "doubles": (2.0, "fold"),
    "doubled": (2.0, "fold"), "doubling": (2.0, "fold"), "twofold": (2.0, "fold"),
    "thrice": (3.0, "fold"), "triple": (3.0, "fold"), "triples": (3.0, "fold"),
    "tripled": (3.0, "fold"), "threefold": (3.0, "fold"), "fourfold": (4.0, "fold"),
    "fivefold": (5.0, "fold"), "sixfold": (6.0, "fold"), "sevenfold": (7.0, "fold"),
    "eightfold": (8.0, "fold"), "ninefold": (9.0, "fold"), "tenfold": (10.0, "fold"),
}  # fmt: skip
_PARTS = {"third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifth": 5, "fifths": 5}

# Unit as written -> (what it measures, how many of the smallest unit it is).
_UNITS: dict[str, tuple[str, float]] = {}
for _names, _kind, _size in (
    ("% percent percentage", "%", 1.0),
    ("points point pp", "%", 1.0),
    ("fold times x × folds", "fold", 1.0),
    ("ns nanosecond nanoseconds", "time", 1e-9),
    ("µs μs us microsecond microseconds", "time", 1e-6),
    ("ms msec millisecond milliseconds", "time", 1e-3),
    ("s sec secs second seconds", "time", 1.0),
    ("min mins minute minutes", "time", 60.0),
    ("h hr hrs hour hours", "time", 3600.0),
    ("d day days", "time", 86400.0),
    ("wk wks week weeks", "time", 604800.0),
    ("mo month months", "months", 1.0),
    ("y yr yrs year years", "months", 12.0),
    ("decade decades", "months", 120.0),
    ("ng nanogram nanograms", "mass", 1e-9),
    ("µg μg ug microgram micrograms mcg", "mass", 1e-6),
    ("mg milligram milligrams", "mass", 1e-3),
    ("g gram grams", "mass", 1.0),
    ("kg kilogram kilograms", "mass", 1e3),
    ("nm nanometer nanometers nanometre nanometres", "length", 1e-9),
    ("µm μm um micrometer micrometers micron microns", "length", 1e-6),
    ("mm millimeter millimeters millimetre millimetres", "length", 1e-3),
    ("cm centimeter centimeters centimetre centimetres", "length", 1e-2),
    ("m meter meters metre metres", "length", 1.0),
    ("km kilometer kilometers kilometre kilometres", "length", 1e3),
    ("µl μl ul microliter microliters", "volume", 1e-6),
    ("ml milliliter milliliters", "volume", 1e-3),
    ("dl deciliter deciliters", "volume", 1e-1),
    ("l liter liters litre litres", "volume", 1.0),
    ("nM nmol nanomolar", "amount", 1e-9),
    ("µM μM uM µmol μmol umol micromolar", "amount", 1e-6),
    ("mM mmol millimolar", "amount", 1e-3),
    ("mol", "amount", 1.0),
    ("KB kB", "data", 1e3),
    ("MB megabyte megabytes", "data", 1e6),
    ("GB gigabyte gigabytes", "data", 1e9),
    ("TB terabyte terabytes", "data", 1e12),
    ("Hz", "frequency", 1.0),
    ("kHz", "frequency", 1e3),
    ("MHz", "frequency", 1e6),
    ("GHz", "frequency", 1e9),
    ("°C ℃", "celsius", 1.0),
    ("mmHg", "pressure", 1.0),
    ("kDa", "dalton", 1e3),
    ("kcal", "energy", 1.0),
    ("bp", "bases", 1.0),
    ("kb", "bases", 1e3),
    ("Mb", "bases", 1e6),
    ("dB", "decibel", 1.0),
    ("kV", "voltage", 1e3),
    ("mV", "voltage", 1e-3),
    ("mW", "power", 1e-3),
    ("W", "power", 1.0),
    ("kW", "power", 1e3),
):
    for _name in _names.split():
        _UNITS[_name] = (_kind, _size)

_DIGITS = r"(?:\d{1,3}(?:[,\u202f\u2009\u00a0]\d{3})+|\d+)(?:[.·]\d+)?|[.·]\d+"
_UNIT_TEXT = r"%|°C|℃|×|per\s?cents?\b|percentage\s+points?\b|[^\W\d_]+"
_NUMBER = re.compile(
    rf"(?<![^\W_])(?<![^\W\d_]-)(?<![^\W_]\.)(?P<digits>{_DIGITS})"
    r"(?:\s?(?:[×x*]|\\times)\s?10\s?\^?\{?(?P<power>[-−–]?\d{1,3})\}?|[eE](?P<e>[-+−]?\d{1,3})\b)?"
    r"(?:\^\{?(?P<own>-?\d{1,3})\}?)?"
    r"(?:[\s-]?(?P<scale>hundred|thousand|million|billion|trillion)s?\b)?"
    r"(?P<glued>[kKMBT](?![^\W_]))?"
    rf"(?:[\s-]?\\?(?P<unit>{_UNIT_TEXT}))?"
)
_SPELLED = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS.split())})[\s-])?(?P<small>{'|'.join(_WORDS)})"
    r"(?:[\s-](?P<scale>hundred|thousand|million|billion|trillion)s?)?\b"
    rf"(?:[\s-](?P<unit>{_UNIT_TEXT}))?",
    re.IGNORECASE,
)
_WORDED = re.compile(rf"\b(?:{'|'.join(_SAID_AS_A_WORD)})\b", re.IGNORECASE)
_PART = re.compile(
    rf"\b(?P<n>a|one|two|three|four)[\s-](?P<part>{'|'.join(_PARTS)})\b", re.IGNORECASE
)
_HEDGES = {  # what a word before a number lets the true number be
    "near": r"about|around|approximately|approx\.?|roughly|nearly|almost|some|circa|close to|[~≈∼]",
    "above": r"over|more than|above|at least|greater than|exceed\w*|[>≥]|as (?:many|high) as",
    "below": r"under|less than|below|fewer than|up to|at most|[<≤]|as (?:few|low|much) as",
}
_HEDGE = {
    name: re.compile(rf"(?:^|(?<=\W))(?:{words})\s*(?:an?\s|the\s|[$€£])?$", re.IGNORECASE)
    for name, words in _HEDGES.items()
}
_ROUNDING = 0.07  # "about 13" for 12.4, "nearly 100" for 94; not "about 10" for 9
_LOOK_BACK = 24  # code points in which a hedge before a number is looked for


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text, with its unit if that is one we know.

    `kind` says what the unit measures ("time", "%"), empty without a known unit; `value * size`
    can be compared within a kind. `hedge` is "near", "above" or "below" after such a word;
    `is_word` says that the number was spelled out.
    """

    text: str
    value: float
    kind: str
    size: float
    start: int
    hedge: str = ""
    is_word: bool = False

    @property
    def is_year(self) -> bool:
        return not self.kind and self.value in range(1800, 2100) and self.text.isdigit()


def quantities_of(text: str) -> tuple[Quantity, ...]:
    """The numbers in the text, in order. Digits inside names ("GPT-4", "p53", "2D") are none.

    "One" is left out, because it is mostly a pronoun.
    """
    found: dict[int, Quantity] = {}
    for quantity in (*_in_digits(text), *_parts(text), *_worded(text), *_spelled(text)):
        if not any(q.start <= quantity.start < q.start + len(q.text) for q in found.values()):
            found[quantity.start] = quantity
    return tuple(found[start] for start in sorted(found))


def _make(text: str, start: int, end: int, value: float, unit: str, is_word: bool) -> Quantity:
    kind, size = _unit(unit)
    written = text[start:end].strip(" -")
    before = text[max(0, start - _LOOK_BACK) : start]
    hedge = next((name for name, words in _HEDGE.items() if words.search(before)), "")
    if is_word and kind == "%":
        hedge = hedge or "near"  # "half", "a third"
    return Quantity(written, value, kind, size, start, hedge, is_word)


def _unit(written: str) -> tuple[str, float]:
    if not written:
        return "", 1.0
    if written[:3].casefold() == "per" and written[3:].strip(" s").startswith("cent"):
        return "%", 1.0
    if len(written) > 1:
        written = written if written in _UNITS else written.casefold()
    return _UNITS.get(written, ("", 1.0))


def _in_digits(text: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(text):
        unit = match["unit"] or ""
        end_of_number = match.start("unit") if unit else match.end()
        is_glued = unit[:1].isalpha() and text[end_of_number - 1].isalnum()
        if is_glued and (not _unit(unit)[0] or (unit == "s" and len(match["digits"]) == 4)):
            continue  # "2D", "3rd", "1980s"
        digits = re.sub(r"[,\u202f\u2009\u00a0]", "", match["digits"]).replace("·", ".")
        exponent = (match["power"] or match["e"] or "0").replace("−", "-").replace("–", "-")
        value = float(digits) * 10.0 ** int(exponent)
        if match["own"] and abs(int(match["own"])) < 100 and value < 100:
            value **= int(match["own"])
        value *= _SCALES.get(match["scale"] or "", 1.0) * _GLUED_SCALES.get(
            match["glued"] or "", 1.0
        )
        known = _unit(unit)[0]
        yield _make(
            text, match.start(), match.end() if known else end_of_number, value, unit, False
        )


def _parts(text: str) -> Iterator[Quantity]:
    for match in _PART.finditer(text):
        count = _WORDS.get(match["n"].casefold(), 1.0)
        share = 100 * count / _PARTS[match["part"].casefold()]
        yield _make(text, match.start(), match.end(), share, "%", True)


def _worded(text: str) -> Iterator[Quantity]:
    for match in _WORDED.finditer(text):
        value, unit = _SAID_AS_A_WORD[match[0].casefold()]
        yield _make(text, match.start(), match.end(), value, unit, True)


def _spelled(text: str) -> Iterator[Quantity]:
    for match in _SPELLED.finditer(text):
        small, unit = match["small"].casefold(), match["unit"] or ""
        value = _WORDS[small] + _WORDS.get((match["tens"] or "").casefold(), 0.0)
        value *= _SCALES.get((match["scale"] or "").casefold(), 1.0)
        known = _unit(unit)[0]
        if value == 1 and not known:
            continue
        end = match.end() if known else match.end("scale" if match["scale"] else "small")
        yield _make(text, match.start(), end, value, unit, True)


def agrees(said: Quantity, source: Quantity) -> bool:
    """Whether the answer's number is the source's: the same value, and no other unit.

    A number said with a hedge ("about", "over") may be the source's one rounded.
    """
    if said.kind and source.kind:
        is_same_kind = said.kind == source.kind
        pairs = [(said.value * said.size, source.value * source.size)] if is_same_kind else []
    else:
        pairs = [(said.value, source.value)]
        if "%" in (said.kind, source.kind):  # 0.71 and 71 %
            pairs += [(said.value, 100 * source.value), (100 * said.value, source.value)]
    return any(_is_close(a, b, said.hedge) for a, b in pairs)


def _is_close(said: float, source: float, hedge: str) -> bool:
    gap = (source - said) / max(abs(said), abs(source), 1e-12)
    least = -_ROUNDING if hedge in ("near", "below") else -1e-9
    most = _ROUNDING if hedge in ("near", "above") else 1e-9
    return least <= gap <= most


def follows(said: Quantity, one: Quantity, other: Quantity) -> bool:
    """Whether a gain or a multiple in the answer is worked out from two numbers of the source."""
    if said.kind not in ("%", "fold") or one.kind != other.kind or not one.value or not other.value:
        return False
    if said.value in (one.value, other.value):
        return False  # the same number with another unit
    a, b = one.value * one.size, other.value * other.size
    made = [a / b] if said.kind == "fold" else [100 * (a - b) / b]
    if said.kind == one.kind == "%":
        made.append(a - b)
    decimals = len(re.sub(r"[^\d.]", "", said.text).partition(".")[2])
    return any(abs(said.value - round(abs(value), decimals)) < 1e-9 for value in made)
