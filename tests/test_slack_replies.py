"""Replies: whole whatever Slack does, byte for byte, with no stream left open."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.slack.text import inert
from tests.fakes.slack import Fault
from tests.fakes.slack_bed import Bed, bed, direct, mention

pytestmark = pytest.mark.anyio

TEXT = "".join(f"Sentence number {n} says so. [1]\n\n" for n in range(60))


@pytest.mark.parametrize("unit", ["It is so. [1] ", "それはそうだ。", "👩🏽‍🔬🇵🇹 "])
@pytest.mark.parametrize("size", [100, 9_000, 40_000])
async def test_the_streamed_text_is_the_answer(tmp_path: Path, unit: str, size: int) -> None:
    text = (unit * size)[: size // len(unit.encode()) * len(unit)]
    async with bed(tmp_path, text=text) as b:
        await b.event(direct("Is it so?"))
        await b.idle()
        *first, last = b.slack.thread("D1", "1.0")

        assert b.slack.text("D1", "1.0") == text
        assert [m.blocks for m in first] == [[]] * len(first)
        assert last.blocks
        assert b.slack.open_streams() == []


def at(index: int, fault: Fault) -> Callable[[int, str], Fault | None]:
    """The fault at one call only."""
    return lambda i, method: fault if i == index else None


def is_whole(b: Bed, text: str = TEXT) -> bool:
    return b.slack.text("C1", "1.0") == text


@pytest.mark.parametrize(("text", "size"), [(TEXT, 200), (TEXT * 10, 4_000)])
@pytest.mark.parametrize("fault", ["429", "500", "drop", "lost", "expired"])
async def test_a_fault_at_any_call_costs_no_text(
    tmp_path: Path, fault: Fault, text: str, size: int
) -> None:
    async with bed(tmp_path / "whole", text=text, size=size) as b:
        await b.event(mention("Is it so?"))
        await b.idle()
        methods = b.slack.methods()
    for index, method in enumerate(methods):
        async with bed(tmp_path / str(index), text=text, size=size) as b:
            b.slack.fault = at(index, fault)
            await b.event(mention("Is it so?"))
            await b.idle()
            strays = [m for m in b.slack.open_streams() if not m.text]
            is_unknowable = fault == "lost" and method == "chat.startStream"

            assert is_whole(b, text), (index, method)
            assert len(b.slack.open_streams()) == len(strays) == int(is_unknowable), (index, method)
            assert b.slack.thread("C1", "1.0")[-1].blocks, (index, method)


async def test_without_streams_the_answer_is_posted(tmp_path: Path) -> None:
    async with bed(tmp_path, text=TEXT) as b:
        b.slack.fault = lambda index, method: "500" if method == "chat.startStream" else None
        await b.event(mention("Is it so?"))
        await b.idle()

        assert is_whole(b)
        assert b.slack.thread("C1", "1.0")[-1].blocks


async def test_a_status_that_fails_costs_nothing(tmp_path: Path) -> None:
    async with bed(tmp_path, text=TEXT) as b:
        b.slack.fault = lambda index, method: "500" if "etStatus" in method else None
        await b.event(mention("Is it so?"))
        await b.idle()

        assert is_whole(b)
        assert "assistant.threads.setStatus" in b.slack.methods()


async def test_an_answer_that_begins_anew_replaces_its_text(tmp_path: Path) -> None:
    async with bed(tmp_path, text=TEXT, restarts=True) as b:
        await b.event(mention("Is it so?"))
        await b.idle()

        assert is_whole(b)


async def test_hostile_text_is_inert_in_slack(tmp_path: Path) -> None:
    text = "<!channel> [1]: https://evil.example [x](https://evil.example) <@U1> [1]"
    async with bed(tmp_path, text=text, size=3) as b:
        await b.event(mention("Is it so?"))
        await b.idle()

        assert b.slack.text("C1", "1.0") == inert(text)


async def test_appends_are_few_enough_for_slacks_rates(tmp_path: Path) -> None:
    async with bed(tmp_path, text=TEXT, size=5) as b:
        await b.event(mention("Is it so?"))
        await b.idle()

        assert b.slack.methods().count("chat.appendStream") <= 3 + len(TEXT) / 256


async def test_all_calls_share_their_connections(tmp_path: Path) -> None:
    async with bed(tmp_path, text=TEXT) as b:
        for n in range(5):
            await b.event(mention("Is it so?", f"{n}.5"))
            await b.idle()

        assert len(b.slack.calls) > 40
        assert b.slack.n_connections <= 8
