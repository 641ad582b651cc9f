"""A language model behind any OpenAI-compatible server: OpenAI, Azure, Ollama, vLLM, llama.cpp.

The stream is read raw: the SDK's typed one costs more than twice the CPU time, and hides an early
end, a web page with status 200 and an error inside the stream as silence.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from service.breaker import Breaker
from service.generate import Delta, GenerationFailed, Prompt, Usage
from service.llm_wire import Dialect, Fault, Reply, empty, fault_of_status
from service.thinking import ThinkFilter

if TYPE_CHECKING:
    from openai import AsyncOpenAI

logger = logging.getLogger(__name__)

_CONNECT_S = 10.0
_BACKOFF_S = 0.5  # before the retry, where the server asks for no other wait
_LAST_BYTES_S = 0.1  # how long the end of a reply may come after its last event
_NO_KEY = "none"  # the SDK insists on a key; servers on one's own machine do not look at it


class LLM:
    """A `Generator` that streams chat completions. Belongs to one event loop.

    `base_url` is empty for OpenAI itself; with `azure_api_version` it is the address of an Azure
    resource, and `model` the name of a deployment. The whole answer may take `timeout_s` seconds,
    each next piece of it `read_timeout_s`. A call that fails before its first delta is made
    `n_retries` times more, unless the server asks to wait longer than `longest_wait_s`.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "",
        api_key: str = "",
        azure_api_version: str = "",
        context_window: int = 8192,
        max_answer_tokens: int = 800,
        temperature: float = 0.0,
        timeout_s: float = 60.0,
        read_timeout_s: float = 30.0,
        n_retries: int = 1,
        longest_wait_s: float = 10.0,
        breaker: Breaker | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = model
        self.context_window = context_window
        self.max_answer_tokens = max_answer_tokens
        self._base_url = base_url
        self._api_key = api_key or _NO_KEY
        self._azure_api_version = azure_api_version
        self._temperature = temperature
        self._timeout_s = timeout_s
        self._read_timeout_s = read_timeout_s
        self._n_retries = n_retries
        self._longest_wait_s = longest_wait_s
        self._breaker = breaker or Breaker()
        self._sleep = sleep
        self._dialect = Dialect()
        self._starts_thinking = False  # the server swallows the opener of its model's think block
        self._client: AsyncOpenAI | None = None

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Delta | Usage, None]:
        """The text as it is written, then exactly one `Usage`; never an empty text.

        Closing the generator closes the connection to the server.

        Raises:
            GenerationFailed: no text, or not all of it, at any point of the stream.
        """
        if not self._breaker.admit():
            raise GenerationFailed(
                f"The language model {self.name} failed several times in a row and is left alone "
                f"for a moment. Ask again in half a minute."
            )
        try:
            async with aclosing(self._with_retries(prompt)) as items:
                async for item in items:
                    yield item
            self._breaker.succeed()
        except Fault as fault:
            logger.warning("the language model %s %s", self.name, fault)
            if fault.is_outage:
                self._breaker.fail()
            raise GenerationFailed(f"The language model {self.name} {fault}") from fault
        finally:
            self._breaker.release()

    def load(self) -> None:
        """Loads the SDK, which takes 1.3 s of CPU time, before the first question needs it."""
        if self._client is None:
            client = self._connect()
            self._client = self._client or client

    async def close(self) -> None:
        """Closes all connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _with_retries(self, prompt: Prompt) -> AsyncGenerator[Delta | Usage, None]:
        deadline = time.monotonic() + self._timeout_s
        dialect, retries_left, has_begun = self._dialect, self._n_retries, False
        while True:
            try:
                async with aclosing(self._once(prompt, dialect, deadline)) as items:
                    async for item in items:
                        has_begun = True
                        yield item
                return
            except Fault as fault:
                adapted = dialect.adapted(fault.refusal) if fault.refusal else None
                if has_begun:
                    raise
                if adapted:
                    dialect = adapted
                    continue
                await self._wait(fault, retries_left, deadline)
                retries_left -= 1

    async def _wait(self, fault: Fault, retries_left: int, deadline: float) -> None:
        """Waits for the retry; raises the fault if there is none."""
        wait_s = _BACKOFF_S if fault.wait_s is None else fault.wait_s
        longest_s = min(self._longest_wait_s, deadline - time.monotonic())
        if not fault.may_retry or retries_left < 1 or wait_s > longest_s:
            raise fault
        await self._sleep(wait_s)

    async def _once(
        self, prompt: Prompt, dialect: Dialect, deadline: float
    ) -> AsyncGenerator[Delta | Usage, None]:
        """One call. A dialect that the server takes is remembered."""
        reply, thinking = Reply(), ThinkFilter(is_thinking=self._starts_thinking)
        has_text = False
        async with aclosing(self._texts(prompt, dialect, deadline, reply)) as texts:
            async for text in texts:
                visible = thinking.feed(text) if text is not None else thinking.close()
                visible = visible if has_text else visible.lstrip()
                self._check(thinking)
                if visible:
                    has_text = True
                    yield Delta(visible)
        if not has_text:
            fault = empty(is_cut=reply.is_cut)
            # Perhaps the server does send the opener, and all was taken for thought.
            fault.may_retry, self._starts_thinking = self._starts_thinking, False
            raise fault
        yield reply.usage()

    def _check(self, thinking: ThinkFilter) -> None:
        if thinking.has_stray_end:
            self._starts_thinking = True
            reason = "mixed its reasoning into its answer. Ask again."
            raise Fault(reason, is_outage=False, may_retry=True, wait_s=0.0)

    async def _texts(
        self, prompt: Prompt, dialect: Dialect, deadline: float, reply: Reply
    ) -> AsyncGenerator[str | None, None]:
        """The pieces of text of one reply, then None once it proved to be whole."""
        async with AsyncExitStack() as stack:
            chunks = await self._open(stack, prompt, dialect, deadline)
            self._dialect = dialect
            while not reply.is_over:
                try:
                    chunk = await self._next(chunks, deadline)
                except Fault:
                    if reply.is_finished:  # only the count of tokens was still to come
                        break
                    raise
                if chunk is None:
                    break
                if text := reply.feed(chunk):
                    yield text
            if text := reply.close():
                yield text
            if reply.is_over:
                await _drain(chunks)
        yield None

    async def _open(
        self, stack: AsyncExitStack, prompt: Prompt, dialect: Dialect, deadline: float
    ) -> AsyncIterator[bytes]:
        """Makes the call; the bytes of its reply."""
        if self._client is None:
            await asyncio.to_thread(self.load)
        import httpx2
        import openai

        assert self._client is not None
        create = self._client.chat.completions.with_streaming_response.create
        body = dialect.body(self.name, prompt, self._temperature)
        try:
            async with asyncio.timeout(self._patience(deadline)):
                response = await stack.enter_async_context(create(**body))
        except openai.APIStatusError as error:
            status, headers = error.status_code, error.response.headers
            raise fault_of_status(status, headers, error.response.text) from error
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = f"cannot be reached at {self._host()}: is its server running?"
            raise Fault(reason, may_retry=True) from error
        except TimeoutError as error:
            raise self._too_late(deadline) from error
        chunks: AsyncIterator[bytes] = response.iter_bytes()
        return chunks

    async def _next(self, chunks: AsyncIterator[bytes], deadline: float) -> bytes | None:
        """The next bytes of the reply; None at its end."""
        import httpx2

        try:
            async with asyncio.timeout(self._patience(deadline)):
                return await anext(chunks, None)
        except TimeoutError as error:
            raise self._too_late(deadline) from error
        except httpx2.HTTPError as error:
            raise Fault("broke off in the middle of its answer.", may_retry=True) from error

    def _patience(self, deadline: float) -> float:
        return max(0.0, min(self._read_timeout_s, deadline - time.monotonic()))

    def _too_late(self, deadline: float) -> Fault:
        if time.monotonic() >= deadline:
            return Fault(f"did not finish its answer in {self._timeout_s:g} s.")
        return Fault(f"sent nothing for {self._read_timeout_s:g} s.")

    def _host(self) -> str:
        return urlsplit(self._base_url).netloc.rpartition("@")[2] or "api.openai.com"

    def _connect(self) -> "AsyncOpenAI":
        import openai

        # The environment's proxies are for other machines: they would take loopback calls too.
        http_client = openai.DefaultAsyncHttpxClient(trust_env=not _is_loopback(self._base_url))
        timeout = openai.Timeout(None, connect=_CONNECT_S)  # the rest is timed here, call by call
        if self._azure_api_version:
            return openai.AsyncAzureOpenAI(
                azure_endpoint=self._base_url,
                azure_deployment=self.name,
                api_version=self._azure_api_version,
                api_key=self._api_key,
                max_retries=0,
                timeout=timeout,
                http_client=http_client,
            )
        return openai.AsyncOpenAI(
            base_url=self._base_url or "https://api.openai.com/v1",
            api_key=self._api_key,
            max_retries=0,
            timeout=timeout,
            http_client=http_client,
        )


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Reads to the end of the reply: only then can its connection take the next call."""
    import httpx2

    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(_LAST_BYTES_S):
            async for _ in chunks:
                pass


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
