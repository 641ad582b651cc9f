"""The gate: hosts, origins, keys, rates and sizes, before any door."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.access import Access, access_of
from service.api import create_app
from service.api.limits import Limiter
from service.app import Core
from service.keys import KEYS_FILE, ROLES, Keys
from tests.conftest import settings

ASK = {"question": "How does BM25 weigh the terms of a query?"}
CHAT = {"model": "citelight", "messages": [{"role": "user", "content": "What is BM25?"}]}


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    keys = Keys(tmp_path / KEYS_FILE)
    yield keys
    keys.close()


def clients(core: Core, access: Access, keys: Keys | None = None, **more: Any) -> TestClient:
    return TestClient(create_app(core, access, keys), **more)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_without_a_key_nothing_is_told(core: Core, keys: Keys) -> None:
    reply = clients(core, Access(needs_key=True), keys).get("/v1/library")

    assert (reply.status_code, reply.json()["type"]) == (401, "no-key")
    assert reply.headers["www-authenticate"] == 'Bearer realm="citelight"'


def test_with_a_key_it_answers(core: Core, keys: Keys) -> None:
    headers = bearer(keys.create("laptop", "read"))
    reply = clients(core, Access(needs_key=True), keys).get("/v1/library", headers=headers)

    assert reply.status_code == 200


def test_a_browser_signs_in_with_the_key_as_password(core: Core, keys: Keys) -> None:
    client = clients(core, Access(needs_key=True), keys)
    asked = client.get("/", headers={"accept": "text/html"})
    shown = client.get("/", auth=("anybody", keys.create("laptop", "read")))

    assert asked.headers["www-authenticate"] == 'Basic realm="citelight"'
    assert shown.status_code == 200


def test_health_is_told_to_everybody(core: Core, keys: Keys) -> None:
    assert clients(core, Access(needs_key=True), keys).get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/mcp", "/v1/chat/completions", "/v1/ask", "/library"])
def test_no_door_is_open_without_a_key(core: Core, keys: Keys, path: str) -> None:
    assert clients(core, Access(needs_key=True), keys).post(path, json={}).status_code == 401


def test_the_openai_door_refuses_in_its_own_words(core: Core, keys: Keys) -> None:
    reply = clients(core, Access(needs_key=True), keys).post("/v1/chat/completions", json=CHAT)

    assert (reply.status_code, reply.json()["error"]["type"]) == (401, "authentication_error")


def test_reading_does_not_allow_writing(core: Core, keys: Keys) -> None:
    headers = bearer(keys.create("laptop", "read"))
    client = clients(core, Access(needs_key=True), keys)
    reply = client.post("/v1/papers", files={"files": b"x"}, headers=headers)

    assert (reply.status_code, reply.json()["type"]) == (403, "forbidden")


def test_only_admins_see_the_keys(core: Core, keys: Keys) -> None:
    reader, admin = keys.create("reader", "read"), keys.create("boss", "admin")
    client = clients(core, Access(needs_key=True), keys)
    names = [k["name"] for k in client.get("/v1/keys", headers=bearer(admin)).json()["keys"]]

    assert client.get("/v1/keys", headers=bearer(reader)).status_code == 403
    assert sorted(names) == ["boss", "reader"]


def test_only_admins_see_what_others_thought(core: Core, keys: Keys) -> None:
    client = clients(core, Access(needs_key=True), keys)
    shown = [
        client.get("/v1/feedback/export", headers=bearer(keys.create(role, role))).status_code
        for role in ROLES
    ]

    assert shown == [403, 403, 200]


def test_a_key_has_its_own_rate(core: Core, keys: Keys) -> None:
    headers = bearer(keys.create("laptop", "read", per_minute=2))
    client = clients(core, Access(needs_key=True), keys)
    replies = [client.get("/v1/library", headers=headers) for _ in range(3)]

    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[0].headers["x-ratelimit-remaining"] == "1"
    assert 0 < int(replies[2].headers["retry-after"]) <= 30
    assert replies[2].json()["type"] == "rate-limit"


def test_addresses_without_key_have_a_rate_too(core: Core) -> None:
    client = clients(core, Access(per_minute=1))
    replies = [client.get("/v1/library") for _ in range(2)]

    assert [reply.status_code for reply in replies] == [200, 429]


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    limiter = Limiter(lambda: now[0])
    first, second = limiter.take("a", 1), limiter.take("a", 1)
    now[0] = 60.0

    assert (first.wait_s, second.wait_s, limiter.take("a", 1).wait_s) == (0, 60, 0)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8765", 200),
        ("127.0.0.1", 200),
        ("[::1]:8765", 200),
        ("192.168.1.7:8765", 200),
        ("attacker.example", 421),
        ("localhost.attacker.example:8765", 421),
    ],
)
def test_it_answers_to_its_own_names_only(
    core: Core, tmp_path: Path, host: str, status: int
) -> None:
    client = clients(core, access_of(settings(tmp_path)))

    assert client.get("/v1/library", headers={"host": host}).status_code == status


def test_a_host_can_be_allowed(core: Core, tmp_path: Path) -> None:
    access = access_of(settings(tmp_path, allowed_hosts="papers.lan, other"))
    client = clients(core, access)

    assert client.get("/v1/library", headers={"host": "papers.lan:80"}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/ask", "/mcp", "/v1/papers"])
def test_a_foreign_page_changes_nothing(core: Core, path: str) -> None:
    headers = {"origin": "https://attacker.example"}
    reply = clients(core, Access()).post(path, json=ASK, headers=headers)

    assert (reply.status_code, reply.json()["type"]) == (403, "foreign-origin")


def test_the_own_page_may_ask(client: TestClient) -> None:
    headers = {"origin": "http://testserver"}

    assert client.post("/v1/ask", json=ASK, headers=headers).status_code == 200


def test_a_named_origin_may_ask(core: Core) -> None:
    access = Access(origins=frozenset({"https://app.example"}))
    headers = {"origin": "https://app.example"}
    with clients(core, access) as client:
        preflight = client.options(
            "/v1/ask", headers=headers | {"access-control-request-method": "POST"}
        )
        reply = client.post("/v1/ask", json=ASK, headers=headers)

    assert preflight.status_code == 200
    assert reply.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_large_body_is_refused(core: Core, is_declared: bool) -> None:
    body = b'{"question": "' + b"x" * 2000 + b'"}'
    content: Any = body if is_declared else iter([body])
    headers = {"content-type": "application/json"}
    reply = clients(core, Access(max_body=1000)).post("/v1/ask", content=content, headers=headers)

    assert reply.status_code == 413
    assert reply.headers["content-type"] == "application/problem+json"
