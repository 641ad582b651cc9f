"""How the pages are served: policy, content addresses, size, colours, reports."""

import json
import logging
import re
import shutil
from dataclasses import fields
from itertools import product
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from service import web
from service.citations import Answer
from service.web import STATIC
from service.web.assets import Assets
from service.web.reports import MAX_PER_MINUTE, ReportDesk
from tests.fakes.web_scenes import SCENES

PAGES = ["/", "/a/x", "/p/x", "/library"]
_FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    r"|setAttribute\(\"style|createContextualFragment|setHTML"
)


@pytest.fixture
def site() -> TestClient:
    app = Starlette()
    web.mount(app)
    return TestClient(app)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_carries_the_policy(site: TestClient, path: str) -> None:
    headers = site.get(path).headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_assets_are_kept_for_ever_and_pages_are_asked_for_again(site: TestClient) -> None:
    page = site.get("/")
    asset = site.get(_linked(page.text)[0])

    assert page.headers["cache-control"] == "no-cache"
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_an_unchanged_page_is_not_sent_again(site: TestClient) -> None:
    etag = site.get("/").headers["etag"]

    assert site.get("/", headers={"If-None-Match": etag}).status_code == 304


def test_a_changed_byte_changes_the_address_of_all_assets(tmp_path: Path) -> None:
    shutil.copytree(STATIC, tmp_path / "static")
    before = Assets.load(tmp_path / "static").version
    changed = tmp_path / "static" / "storage.js"
    changed.write_text(changed.read_text() + "// changed\n")

    assert Assets.load(tmp_path / "static").version != before


def test_assets_of_another_version_are_not_there(site: TestClient) -> None:
    assert site.get("/assets/000000000000/chat.js").status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_leads_to_an_asset(site: TestClient, path: str) -> None:
    links = _linked(site.get(path).text)

    assert links
    assert {site.get(link).status_code for link in links} == {200}


@pytest.mark.parametrize("path", PAGES)
def test_all_modules_are_named_in_the_page_so_that_one_round_fetches_them(
    site: TestClient, path: str
) -> None:
    html = site.get(path).text
    named = {link.rpartition("/")[2] for link in _linked(html) if link.endswith(".js")}
    needed = {
        name
        for module in named
        for name in re.findall(r'from "\./([\w-]+\.js)"', (STATIC / module).read_text())
    }

    assert needed <= named


def test_the_first_visit_costs_less_than_60_kb(site: TestClient) -> None:
    page = site.get("/", headers={"Accept-Encoding": "gzip"})
    sizes = [int(page.headers["content-length"])]
    for link in _linked(page.text):
        asset = site.get(link, headers={"Accept-Encoding": "gzip"})
        sizes.append(int(asset.headers["content-length"]))

    assert sum(sizes) < 60_000


def test_nothing_is_loaded_from_elsewhere(site: TestClient) -> None:
    outside = re.compile(r"""(?:src|href)="(?!/)[^#{"]|url\(|@import""")

    assert [p.name for p in STATIC.iterdir() if outside.search(p.read_text("utf-8"))] == []


def test_no_module_turns_text_into_html() -> None:
    assert [p.name for p in STATIC.glob("*.js") if _FORBIDDEN.search(p.read_text("utf-8"))] == []


def test_no_static_file_is_longer_than_400_lines() -> None:
    lines = {p.name: len(p.read_text("utf-8").splitlines()) for p in STATIC.iterdir()}

    assert {name: n for name, n in lines.items() if n > 400} == {}


# What stands on what, in both themes.
_PAIRS = [
    *product(("ink", "muted", "link", "good", "warn", "bad"), ("paper", "surface")),
    *product(("ink", "muted"), ("sunken",)),
    ("on-accent", "accent"),
    ("on-mark", "mark"),
    ("on-chip", "chip"),
    ("ink", "chip"),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("pair", _PAIRS, ids="-on-".join)
def test_text_stands_out_from_its_ground(theme: int, pair: tuple[str, str]) -> None:
    text, ground = (_token(name)[theme] for name in pair)

    assert _contrast(text, ground) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "surface"])
def test_the_edges_of_fields_can_be_seen(theme: int, ground: str) -> None:
    assert _contrast(_token("edge")[theme], _token(ground)[theme]) >= 3


def test_contrast_of_black_on_white_is_21() -> None:
    assert round(_contrast("#000000", "#ffffff"), 2) == 21


def test_a_report_is_one_line_of_the_log(
    site: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    report = {"kind": "error", "message": "a\nforged line", "place": "chat.js:1", "page": "/"}

    assert site.post("/browser-reports", json=report).status_code == 204
    assert caplog.messages == ["browser error: 'a\\nforged line' at 'chat.js:1' on '/'"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * 5000, 413),
        (b"not json", 422),
        (b'{"kind": "error"}', 422),
        (b'{"kind": "other", "message": "x"}', 422),
        (b'{"kind": "error", "message": "x", "more": 1}', 422),
    ],
)
def test_other_reports_are_refused(site: TestClient, body: bytes, status: int) -> None:
    assert site.post("/browser-reports", content=body).status_code == status


def test_a_flood_of_reports_is_cut_off_for_a_minute() -> None:
    now = [0.0]
    desk = ReportDesk(clock=lambda: now[0])
    body = json.dumps({"kind": "csp", "message": "img-src"}).encode()
    statuses = [desk.take(body) for _ in range(MAX_PER_MINUTE + 1)]
    now[0] = 60.0

    assert statuses == [204] * MAX_PER_MINUTE + [429]
    assert desk.take(body) == 204


def _linked(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/assets/[^"]+)"', html)


def _token(name: str) -> tuple[str, str]:
    """A colour of the style sheet in the light and the dark theme."""
    css = (STATIC / "base.css").read_text("utf-8")
    found = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", css)
    assert found, name
    return found[1], found[2]


def _contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_scripted_answers_have_no_field_that_real_ones_lack() -> None:
    known = {field.name for field in fields(Answer)}
    scenes = [make("?") for make in SCENES.values()]
    told = [data["answer"] for scene in scenes for event, data in scene if event == "done"]

    assert told
    assert not [name for answer in told for name in answer if name not in known]
