"""The polite client: spaced, retried, identified, and clear when it gives up."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from ingest.errors import InvalidInput, Unavailable
from ingest.feeds.client import N_TRIES, Client, Garbled
from tests.fakes.feed_server import FakeTime, FeedServer, Reply, serving

GOOD = Reply('{"fine": true}')


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with serving(lambda _: GOOD) as running:
        yield running


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def client(time: FakeTime) -> Iterator[Client]:
    with Client(contact="ada@example.org", interval_s=3.0, clock=time.clock) as made:
        yield made


def fetch(client: Client, server: FeedServer, **params: str) -> bytes:
    return client.fetch(f"{server.url}/at", params, lambda body: body)


def test_requests_keep_their_distance(client: Client, server: FeedServer, time: FakeTime) -> None:
    fetch(client, server)
    time.moment += timedelta(seconds=1)
    fetch(client, server)

    assert time.slept == [2.0]


def test_the_contact_address_is_in_the_user_agent(client: Client, server: FeedServer) -> None:
    fetch(client, server)

    assert server.asked[0].headers["user-agent"].endswith("(mailto:ada@example.org)")


def test_parameters_join_those_of_the_address(client: Client, server: FeedServer) -> None:
    client.fetch(f"{server.url}/oai?tenant=7", {"verb": "ListRecords"}, bytes)

    assert server.asked[0].params == {"tenant": "7", "verb": "ListRecords"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_service_is_asked_again(
    client: Client, server: FeedServer, time: FakeTime, status: int
) -> None:
    server.trouble.extend([Reply(status=status), Reply(status=status)])

    assert (fetch(client, server), time.slept) == (GOOD.body.encode(), [2.0, 1.0, 4.0])  # type: ignore[union-attr]  # a str


def test_retry_after_in_seconds_is_kept(client: Client, server: FeedServer, time: FakeTime) -> None:
    server.trouble.append(Reply(status=429, headers={"Retry-After": "17"}))
    fetch(client, server)

    assert time.slept == [17.0]


def test_retry_after_as_a_date_is_kept(client: Client, server: FeedServer, time: FakeTime) -> None:
    date = "Fri, 20 Nov 2026 12:00:40 GMT"
    server.trouble.append(Reply(status=503, headers={"Retry-After": date}))
    fetch(client, server)

    assert time.slept == [40.0]


def test_a_long_retry_after_is_not_waited_for(
    client: Client, server: FeedServer, time: FakeTime
) -> None:
    server.trouble.append(
        Reply('{"error": "Budget used up"}', 429, headers={"Retry-After": "7200"})
    )

    with pytest.raises(Unavailable, match=r"429: Budget used up, and asks to wait 120 minutes"):
        fetch(client, server)
    assert time.slept == []


@pytest.mark.parametrize("value", ["soon", "-5", "", "Fri, 99 Nov 2026"])
def test_a_wrong_retry_after_is_passed_over(
    client: Client, server: FeedServer, time: FakeTime, value: str
) -> None:
    server.trouble.append(Reply(status=503, headers={"Retry-After": value}))
    fetch(client, server)

    assert time.slept[0] == 2.0


def test_it_gives_up_after_some_tries(client: Client, server: FeedServer) -> None:
    server.answer = lambda _: Reply(status=503)

    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 answered 503, 6 times in a row"):
        fetch(client, server)
    assert len(server.asked) == N_TRIES


def test_a_cut_body_is_asked_for_again(client: Client, server: FeedServer) -> None:
    server.trouble.append(Reply("x" * 1000, cut_at=300))

    assert fetch(client, server) == b'{"fine": true}'


def test_a_web_page_instead_of_an_answer_is_asked_for_again(
    client: Client, server: FeedServer
) -> None:
    server.answer = lambda _: Reply("<html>Please log in</html>", kind="text/html; charset=utf-8")

    with pytest.raises(Unavailable, match="cannot be read \\(it is a web page\\)"):
        fetch(client, server)
    assert len(server.asked) == N_TRIES


def test_what_the_reader_finds_garbled_is_asked_for_again(
    client: Client, server: FeedServer
) -> None:
    server.trouble.append(Reply("{"))

    def read(body: bytes) -> bytes:
        if body == b"{":
            raise Garbled("it is cut")
        return body

    assert client.fetch(server.url, {}, read) == b'{"fine": true}'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error": "Invalid query", "message": "filter x is unknown"}', "Invalid query; filter x"),
        ("<feed><entry><summary>incorrect id</summary></entry></feed>", "incorrect id"),
        ("<eFetchResult><ERROR>no such key</ERROR></eFetchResult>", "no such key"),
        ("<!doctype html><html>400</html>", "answered 400. Correct"),
        ("plain words", "plain words"),
    ],
)
def test_a_refusal_says_why_and_is_final(
    client: Client, server: FeedServer, body: str, said: str
) -> None:
    server.answer = lambda _: Reply(body, 400)

    with pytest.raises(InvalidInput, match=said):
        fetch(client, server)
    assert len(server.asked) == 1


def test_a_wrong_key_is_named_as_the_cause(client: Client, server: FeedServer) -> None:
    server.answer = lambda _: Reply(status=403)

    with pytest.raises(InvalidInput, match="is the API key right"):
        fetch(client, server)


def test_keys_are_neither_logged_nor_shown(
    client: Client, server: FeedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer = lambda _: Reply(status=503)
    with pytest.raises(Unavailable) as failure:
        fetch(client, server, api_key="very-secret")

    assert "very-secret" not in caplog.text + str(failure.value)


def test_the_announced_rate_slows_it_down(
    client: Client, server: FeedServer, time: FakeTime
) -> None:
    limits = {"X-Rate-Limit-Limit": "1", "X-Rate-Limit-Interval": "8s"}
    server.trouble.append(Reply("x", headers=limits))
    fetch(client, server)
    fetch(client, server)

    assert time.slept == [8.0]


def test_nobody_listening_is_said_so(time: FakeTime) -> None:
    with serving(lambda _: GOOD) as gone:
        pass
    with Client(clock=time.clock) as client, pytest.raises(Unavailable, match="no connection"):
        fetch(client, gone)


def test_proxies_are_not_used_for_this_machine(
    server: FeedServer, time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Client(clock=time.clock) as client:
        body = fetch(client, server)

    assert body == b'{"fine": true}'


@pytest.mark.parametrize("url", ["ftp://example.org/oai", "example.org", "http://", "http://[::"])
def test_only_web_addresses_are_asked(client: Client, url: str) -> None:
    with pytest.raises(InvalidInput, match="is not a web address"):
        client.fetch(url, {}, bytes)
