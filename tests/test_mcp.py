"""The MCP door, through the SDK's own client: in memory, over HTTP, and over stdio."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters

from service.api import create_app
from service.app import Core
from service.mcp.server import make_server
from tests.serving import served

pytestmark = pytest.mark.anyio
MODES = ["legacy", "2026-07-28"]
QUESTION = "How does BM25 weigh the terms of a query?"


@pytest.fixture(scope="module")
def url(core: Core) -> Iterator[str]:
    with served(create_app(core)) as base:
        yield f"{base}/mcp"


async def call(target: Any, mode: str, tool: str, **arguments: Any) -> Any:
    async with Client(target, mode=mode) as client:
        return await client.call_tool(tool, arguments)


@pytest.mark.parametrize("mode", MODES)
async def test_the_tools_are_listed_as_reading_only(core: Core, mode: str) -> None:
    async with Client(make_server(core), mode=mode) as client:
        tools = (await client.list_tools()).tools

    assert [tool.name for tool in tools] == ["search", "ask", "get_paper"]
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
    assert all(tool.output_schema for tool in tools)


@pytest.mark.parametrize("mode", MODES)
async def test_an_answer_comes_with_its_quotes(core: Core, mode: str) -> None:
    result = await call(make_server(core), mode, "ask", question=QUESTION)
    answer = result.structured_content

    assert answer["state"] == "answered"
    assert answer["citations"][0]["title"].endswith("BM25 and Beyond")
    assert answer["citations"][0]["quotes"]


async def test_search_finds_papers(core: Core) -> None:
    result = await call(make_server(core), "auto", "search", query="late interaction", k=3)
    papers = result.structured_content["papers"]

    assert len(papers) == 3
    assert "ColBERT" in papers[0]["title"]


async def test_a_paper_is_read_by_its_arxiv_id(core: Core) -> None:
    result = await call(make_server(core), "auto", "get_paper", id="1706.03762")

    assert result.structured_content["title"] == "Attention Is All You Need"


async def test_a_paper_is_a_resource(core: Core) -> None:
    stored = core.library.catalogue.find("1706.03762")
    assert stored
    async with Client(make_server(core)) as client:
        (content,) = (await client.read_resource(f"paper://{stored.id}")).contents

    assert getattr(content, "text", "").startswith("# Attention Is All You Need")


async def test_a_paper_that_is_not_there_is_no_resource(core: Core) -> None:
    async with Client(make_server(core)) as client:
        with pytest.raises(MCPError, match="no such paper"):
            await client.read_resource("paper://nope")


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("ask", {"question": "?!"}, "The question is empty"),
        ("get_paper", {"id": "nope"}, "no paper 'nope'"),
    ],
)
async def test_the_model_is_told_what_is_wrong(
    core: Core, tool: str, arguments: dict[str, Any], told: str
) -> None:
    result = await call(make_server(core), "auto", tool, **arguments)

    assert result.is_error
    assert told in result.content[0].text


@pytest.mark.parametrize("mode", MODES)
async def test_it_is_served_over_http(url: str, mode: str) -> None:
    result = await call(url, mode, "ask", question=QUESTION)

    assert result.structured_content["citations"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
async def test_it_is_served_over_stdio(core: Core, mode: str) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "service.cli", "mcp"],
        env=dict(os.environ) | {"CITELIGHT_HOME": str(core.settings.home)},
    )
    result = await call(server, mode, "ask", question=QUESTION)

    assert result.structured_content["citations"]
