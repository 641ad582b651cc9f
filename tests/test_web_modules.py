"""The modules of the pages by themselves: the event stream, Markdown, references."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from bibtexparser.entrypoint import parse_string

from tests.fakes.web_browser import Chat

pytest_plugins = ["tests.fakes.web_fixtures"]

Call = Callable[..., Any]

STREAM = (
    'id: 1\nevent: run\ndata: {"id": "r"}\n\n: ping\n\n'
    'id: 2\r\nevent: delta\r\ndata: {"text": "Ångström 😀 漢字"}\r\n\r\n'
    'id: 3\nevent: delta\ndata: {"text":\ndata: "two lines"}\n\nid: 4\nevent: delta\ndata: {"te'
)


@pytest.fixture
def call(chat: Chat) -> Call:
    """Calls a function of a module in the browser: `call("api.js", "(m, x) => m.f(x)", x)`."""
    page = chat.open()
    base = str(page.locator("link[rel=stylesheet]").first.get_attribute("href")).rpartition("/")[0]

    def run(module: str, script: str, value: Any = None) -> Any:
        return page.evaluate(
            f"async (value) => ({script})(await import('{base}/{module}'), value)", value
        )

    return run


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_events_are_the_same_however_the_bytes_are_cut(call: Call, size: int) -> None:
    data = list(STREAM.encode())
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    events = call(
        "stream.js",
        """async (module, pieces) => {
          const body = new ReadableStream({ start(control) {
            for (const piece of pieces) control.enqueue(new Uint8Array(piece));
            control.close();
          } });
          const events = [];
          for await (const event of module.parse(body)) events.push(event);
          return events;
        }""",
        pieces,
    )

    assert events == [
        {"id": 1, "type": "run", "data": {"id": "r"}},
        {"id": 2, "type": "delta", "data": {"text": "Ångström 😀 漢字"}},
        {"id": 3, "type": "delta", "data": {"text": "two lines"}},
    ]


_RENDER = """(module, text) => {
  const bold = (n) => Object.assign(document.createElement('b'), {textContent: n});
  const chip = (n) => (n <= 2 ? bold(n) : null);
  const place = document.createElement('div');
  place.append(...module.blocksOf(text).map((block) => module.renderBlock(block, chip)));
  for (const node of place.querySelectorAll('*'))
    for (const name of node.getAttributeNames()) node.removeAttribute(name);
  return place.innerHTML.replaceAll('\\u202f', '~');
}"""


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One [1] and [3].", "<p>One~<b>1</b> and [3].</p>"),
        ("a[1][2]", "<p>a<b>1</b><b>2</b></p>"),
        ("**strong** and *soft*", "<p><strong>strong</strong> and <em>soft</em></p>"),
        ("x_i, ell_p, 2*3*4, a * b", "<p>x_i, ell_p, 2*3*4, a * b</p>"),
        ("_soft_ __strong__", "<p><em>soft</em> <strong>strong</strong></p>"),
        ("`x[1]` \\*no\\*", "<p><code>x[1]</code> *no*</p>"),
        ("90\\% of Schr\\\"odinger", "<p>90\\% of Schr\\\"odinger</p>"),
        ("# A\n\n### B\n\n# C", "<h3>A</h3><h4>B</h4><h3>C</h3>"),
        ("- a\n\n- b\n  - c\n1. d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"
         "<ol><li>d</li></ol>"),
        ("<b>x</b> &amp;", "<p>&lt;b&gt;x&lt;/b&gt; &amp;amp;</p>"),
        ("[a](https://e.example)", "<p>[a](https://e.example)</p>"),
        ("| a | b |\n|---|:-:|\n| 1 | [2] |", "<div><table><thead><tr><th>a</th><th>b</th></tr>"
         "</thead><tbody><tr><td>1</td><td><b>2</b></td></tr></tbody></table></div>"),
        ("```\n# no [1]\n```\nafter", "<pre><code># no [1]</code></pre><p>after</p>"),
        ("> said\n> so", "<blockquote><p>said\nso</p></blockquote>"),
        ("***", "<hr>"),
        ("", ""),
    ],
)  # fmt: skip
def test_markdown_becomes_these_nodes(call: Call, text: str, html: str) -> None:
    assert call("markdown.js", _RENDER, text) == html


def test_markdown_of_hostile_length_takes_no_time(call: Call) -> None:
    texts = ["*a " * 4000, "[" * 9000, "`" * 5000, "_a" * 5000, "**" * 5000, "| " * 5000]
    script = """(module, texts) => { const start = performance.now();
      for (const text of texts) for (const block of module.blocksOf(text))
        module.renderBlock(block, () => null);
      return performance.now() - start; }"""

    assert call("markdown.js", script, texts) < 3000


def test_growing_text_ends_as_the_same_nodes_as_the_whole(call: Call) -> None:
    text = "# A\n\nOne **two** [1]. Three *four*\n\n- five\n- six [2]\n\n| a |\n|---|\n| b |\n"
    whole, grown = call(
        "painter.js",
        """async (module, text) => {
          const chip = (n) => Object.assign(document.createElement('button'),
            {textContent: n, className: 'chip'});
          const [one, two] = [document.createElement('div'), document.createElement('div')];
          new module.Painter(one, chip).finish(text);
          const painter = new module.Painter(two, chip);
          for (let end = 1; end <= text.length; end += 1) painter.finish(text.slice(0, end));
          return [one.innerHTML, two.innerHTML];
        }""",
        text,
    )

    assert grown == whole


PAPER = {
    "id": "x",
    "title": "On 100 % of {Things} & Others",
    "authors": ["Ada M. Lovelace", "Ludwig van Beethoven", "Curie, Marie"],
    "year": 1843,
    "venue": "Notes_A",
    "doi": "10.1/x",
    "arxiv_id": None,
    "url": None,
}


def test_a_reference_in_apa(call: Call) -> None:
    assert call("bibliography.js", "(m, paper) => m.apa(paper)", PAPER) == (
        "Lovelace, A. M., van Beethoven, L., & Curie, M. (1843). On 100 % of {Things} & Others. "
        "Notes_A. https://doi.org/10.1/x"
    )


def test_a_reference_in_bibtex_can_be_read_back(call: Call) -> None:
    text = call("bibliography.js", "(m, paper) => m.bibtex(paper)", PAPER)
    (entry,) = parse_string(text).entries

    assert entry.entry_type == "article"
    assert entry.key == "lovelace1843things"
    assert {field.key: field.value for field in entry.fields} == {
        "title": "{On 100 \\% of Things \\& Others}",
        "author": "Lovelace, Ada M. and van Beethoven, Ludwig and Curie, Marie",
        "year": "1843",
        "journal": "Notes\\_A",
        "doi": "10.1/x",
    }


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("http://a.example", "http://a.example/"),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,x", None),
        ("/relative", None),
        ("", None),
        (None, None),
    ],
)
def test_only_web_addresses_become_links(call: Call, address: str | None, safe: str | None) -> None:
    assert call("dom.js", "(m, address) => m.safeUrl(address)", address) == safe


def test_verdicts_find_their_sentences_whatever_markdown_does_to_them(call: Call) -> None:
    sentences = [
        {"text": "The *first* one, 5 % [1].", "verdict": "supported", "reason": ""},
        {"text": "The `second` 😀 one [2].", "verdict": "altered", "reason": "no"},
        {"text": "Not here at all.", "verdict": "weak", "reason": "no"},
    ]
    found = call(
        "verdicts.js",
        """async (module, sentences) => {
          const base = document.querySelector('link[rel=stylesheet]').href;
          const { Painter } = await import(base.replace(/[^/]+$/, 'painter.js'));
          const place = document.createElement('div');
          const chip = (n) => Object.assign(document.createElement('button'),
            {textContent: n, className: 'chip'});
          new Painter(place, chip).finish(
            'The *first* one, 5 % [1]. The `second` 😀 one [2].');
          module.markSentences(place, sentences, () => {});
          const text = (i) => [...place.querySelectorAll(`.claim[data-sentence="${i}"]`)]
            .map((node) => node.textContent).join('');
          return [[0, 1, 2].map(text), [...place.querySelectorAll('.chip')]
            .map((node) => node.dataset.verdict), place.querySelectorAll('.flag').length];
        }""",
        sentences,
    )

    assert found == [
        ["Thefirstone, 5 %.", "Thesecond😀 one.", ""],  # what lies between nodes is not wrapped
        ["supported", "altered"],
        1,
    ]


def test_the_stream_fixture_is_cut_in_the_middle_of_an_event() -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(STREAM.rpartition("data: ")[2])
