"""Marks as readers see them: `<2>` stands for the mark with the number 2."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.marks import Mark, Marked, MarkParser, Piece, Text, merged

PASSAGES = [
    Marked(1, "attention", ("Ashish Vaswani", "Noam Shazeer"), 2017),
    Marked(2, "bert", ("Devlin, Jacob",), 2019),
    Marked(3, "smith", ("Smith",), 2020),
    Marked(4, "attention", ("Ashish Vaswani", "Noam Shazeer"), 2017),
    Marked(5, "cpc", ("Aäron van den Oord",), 2018),
]


def parse(*deltas: str, passages: list[Marked] = PASSAGES) -> tuple[list[Piece], MarkParser]:
    parser = MarkParser(passages)
    pieces = [piece for delta in deltas for piece in parser.feed(delta)]
    return merged([*pieces, *parser.close()]), parser


def shown(*deltas: str, passages: list[Marked] = PASSAGES) -> str:
    pieces, _ = parse(*deltas, passages=passages)
    return "".join(p.text if isinstance(p, Text) else f"<{p.n}>" for p in pieces)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works [1].", "It works <1>."),
        ("It works[1].", "It works<1>."),
        ("It works [1, 2].", "It works <1><2>."),
        ("It works [1; 2] and [3 and 5].", "It works <1><2> and <3><4>."),
        ("It works [1][2].", "It works <1><2>."),
        ("It works [1-3].", "It works <1><2><3>."),
        ("It works [1–3].", "It works <1><2><3>."),
        ("It works 【1】.", "It works <1>."),
        ("It works【2†source】.", "It works<1>."),
        ("It works [^1].", "It works <1>."),
        ("It works [[1]].", "It works <1>."),
        ("It works ([1], [2]).", "It works (<1><2>)."),
        ("It works \\[1\\].", "It works <1>."),
        ("It works [Passage 1] [source 2, 3] [citation:5].", "It works <1> <2><3> <4>."),
        ("[1] shows it.", "<1> shows it."),
        ("- [2] shows it.", "- <1> shows it."),
    ],
)
def test_each_form_of_a_mark_is_recognised(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_numbers_count_by_first_use_and_not_by_key() -> None:
    pieces, parser = parse("B [3] and A [1] and B [3].")

    assert [p for p in pieces if isinstance(p, Mark)] == [Mark(1, 3), Mark(2, 1), Mark(1, 3)]
    assert parser.numbers == {"smith": 1, "attention": 2}


def test_two_passages_of_one_paper_share_a_number() -> None:
    assert shown("A [1] and again [4].") == "A <1> and again <1>."


@pytest.mark.parametrize("text", ["A [1][4].", "A [1, 4].", "A [1], [4].", "A [1] [1]."])
def test_marks_that_stand_together_show_each_number_once(text: str) -> None:
    assert shown(text) == "A <1>."


@pytest.mark.parametrize(
    ("text", "expected", "removed"),
    [
        ("It is sparse [9] and fast.", "It is sparse and fast.", 1),
        ("It is sparse [9].", "It is sparse.", 1),
        ("It is sparse[9]and fast.", "It is sparseand fast.", 1),
        ("It is sparse [9]and fast.", "It is sparse and fast.", 1),
        ("[9] It is sparse.", "It is sparse.", 1),
        ("- [9] It is sparse.", "- It is sparse.", 1),
        ("It is sparse ([9]).", "It is sparse.", 1),
        ("It is sparse [1], [9], which", "It is sparse <1>, which", 1),
        ("It is sparse [1, 9, 10].", "It is sparse <1>.", 2),
        ("It is sparse [1-900].", "It is sparse <1>.", 1),
        ("It is sparse [2020].", "It is sparse.", 1),
        ("It is sparse【4:0†source】.", "It is sparse.", 1),
    ],
)
def test_marks_that_point_nowhere_are_removed_and_counted(
    text: str, expected: str, removed: int
) -> None:
    _, parser = parse(text)

    assert (shown(text), parser.removed) == (expected, removed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works (Smith et al., 2020).", "It works <1>."),
        ("It works (Smith, 2020, p. 4).", "It works <1>."),
        ("It works (Smith 2020).", "It works <1>."),
        ("It works [Smith et al., 2020].", "It works <1>."),
        ("It works (see Vaswani & Shazeer, 2017; Smith, 2020).", "It works <1><2>."),
        ("It works (van den Oord et al., 2018).", "It works <1>."),
        ("It works (e.g., Devlin et al., 2019).", "It works <1>."),
        ("Vaswani et al. (2017) show it.", "Vaswani et al. <1> show it."),
    ],
)
def test_a_passage_cited_by_author_and_year_gets_its_mark(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It works (Jones et al., 2020).",
        "It works (Jones, 2020).",
        "It works (Smith et al., 2019).",
        "It works (Vaswani & Jones, 2017).",
    ],
)
def test_works_that_no_passage_holds_are_removed_and_counted(text: str) -> None:
    _, parser = parse(text)

    assert (shown(text), parser.removed) == ("It works.", 1)


@pytest.mark.parametrize(
    "text",
    [
        "the entry x[0] and x[1] and a_b[2][1]",
        "the interval [0, 1] and [0, 1) and (0, 1] and [-1, 1] and [0.5, 2]",
        "scores in the range [1, 5] are common",
        "the matrix [[1, 2], [3, 4]] is regular",
        "maths $[1]$ and $x_{[2]}$ and $$[1, 2]$$ and \\(a[1]\\) and \\[ b = [2] \\]",
        "code `x[1]` and ``a[2] ` b[3]`` stay",
        "```python\nx = [1]\n```\n",
        "~~~\n[1] [9]\n~~~\n",
        "  ```\n  [9]\n  ```\n",
        "the tokens [CLS], [SEP] and [MASK]",
        "- [ ] to do\n- [x] done",
        "Lisbon (June, 2020), (Figure 2), (2017), (Section 3, 2019)",
        "version [1.5], group [1,000], a note [see below], [Note]: yes",
        "costs $5 and $6, as `quoted' text",
        "BERT (which is big) and (BERT, GPT-2) and (NeurIPS 2020)",
    ],
)
def test_what_is_no_citation_stays_as_it_is(text: str) -> None:
    pieces, parser = parse(text)

    assert (pieces, parser.removed) == ([Text(text)], 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("costs $5 [1] and $6 [2].", "costs $5 <1> and $6 <2>."),
        ("an open ` tick [1]\n\nand more [2]", "an open ` tick <1>\n\nand more <2>"),
        ("``quoted'' text [1]", "``quoted'' text <1>"),
        ("vitamin D[1] and Parkinson's[2] and T5[3]", "vitamin D<1> and Parkinson's<2> and T5<3>"),
        ("```x[9]``` is code [1]", "```x[9]``` is code <1>"),
        ("```\nx[9]\n```\nis code [1]", "```\nx[9]\n```\nis code <1>"),
    ],
)
def test_what_only_looks_like_code_or_maths_keeps_its_marks(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("As [1](https://made.up) says", "As <1> says"),
        ("As [they](https://made.up/a_(b) 'title') say", "As [they] say"),
        ("As ![plot](http://made.up/x.png) shows", "As ![plot] shows"),
        ("Yes [1].\n\n[1]: https://made.up\nEnd", "Yes <1>.\n\nEnd"),
        ("Yes [1].\n\n[1]: https://made.up", "Yes <1>.\n\n"),
        ("Yes [^1].\n\n[^1]: Smith, A. A title.\n", "Yes <1>.\n\n"),
        ('Yes.\n\n[they]: <https://made.up> "title"\nEnd', "Yes.\n\n[they]\nEnd"),
        ("[1]: they say so", "<1>: they say so"),
        ("As [they](https://made.up", "As [they]"),
    ],
)
def test_addresses_that_the_model_made_up_are_dropped(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works [1", "It works <1>"),
        ("It works [1, 2", "It works <1><2>"),
        ("It works [", "It works"),
        ("It works 【2", "It works <1>"),
        ("It works [9", "It works"),
        ("It works (which", "It works (which"),
        ("It works (Smith et al., 2020", "It works <1>"),
        ("It works `x[1]`", "It works `x[1]`"),
        ("It works x[1]", "It works x[1]"),
    ],
)
def test_a_mark_cut_by_the_end_is_settled(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_cut_number_that_may_be_another_key_is_removed() -> None:
    passages = [Marked(1, "a"), Marked(12, "b")]
    pieces, parser = parse("It works [1", passages=passages)

    assert (pieces, parser.removed) == ([Text("It works")], 1)


def test_text_goes_out_at_once_and_only_a_possible_mark_is_held() -> None:
    parser = MarkParser(PASSAGES)
    given_out = [parser.feed(delta) for delta in ("It works", " [", "1", "] and", " (which", ")")]

    assert given_out == [
        [Text("It works")],
        [],
        [],
        [Text(" "), Mark(1, 1), Text(" and")],
        [Text(" (which")],
        [Text(")")],
    ]


def test_code_goes_out_before_it_ends() -> None:
    parser = MarkParser(PASSAGES)

    assert parser.feed("```python\nfor x in") == [Text("```python\nfor x in")]


def test_hostile_brackets_take_linear_time() -> None:
    pieces, _ = parse("\\[" * 3000 + "`[" * 3000 + "$x[" * 3000)

    assert len(pieces) == 1


SYMBOLS = "[ ] ( ) 【 】 1 2 9 , ; - . : ` ``` ~~~ $ $$ \\ \\[ \\] \\( \\) ^ † a x word A_b"
FORMS = ["[1]", "[9]", "[1, 2]", "[1]: http://a.b\n", "](http://x)", "[0, 1]", "[[1]]", "range "]
NAMES = ["(Smith et al., 2020)", "Smith", " et al.", "2020", "Jones & Smith"]
FRAGMENTS = st.sampled_from([*SYMBOLS.split(), " ", "\n", "\n\n", *FORMS, *NAMES])


@given(st.lists(FRAGMENTS, max_size=30).map("".join), st.data())
def test_the_borders_of_deltas_do_not_matter(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    borders = [0, *cuts, len(text)]
    deltas = [text[a:b] for a, b in pairwise(borders)]
    whole, whole_parser = parse(text)
    cut, cut_parser = parse(*deltas)

    assert (cut, cut_parser.removed, cut_parser.numbers) == (
        *(whole, whole_parser.removed),
        whole_parser.numbers,
    )


@given(st.lists(FRAGMENTS, max_size=30).map("".join))
def test_numbers_are_contiguous_from_1_in_order_of_use(text: str) -> None:
    pieces, parser = parse(text)
    first_uses = list(dict.fromkeys(p.n for p in pieces if isinstance(p, Mark)))

    assert first_uses == list(range(1, len(parser.numbers) + 1))


@given(st.text(alphabet=st.characters(exclude_characters="[]()【】［］\\`~$"), max_size=200))
def test_text_without_brackets_comes_out_unchanged(text: str) -> None:
    assert shown(text) == text
