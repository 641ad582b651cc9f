"""OpenAI's chat format on the wire: what servers take, what they send, and how they fail."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from service.generate import Message, Prompt, Usage

_LONGEST_LINE = 1 << 20  # bytes
_SSE_FIELD = re.compile(rb"(?::|event:|id:|retry:)")
_TOO_LONG = re.compile(r"context[ _](?:length|window|size)|too long|exceeds? .*tokens", re.I)
_NO_MODEL = re.compile(
    r"(?:invalid|unknown|no such) model\b|\bmodel\b.{0,60}(?:not found|does not exist)", re.I
)
_REFUSES_FIELD = re.compile(
    r"unsupported|unrecogni[sz]ed|unknown|unexpected|not (?:permitted|supported|allowed)|extra|"
    r"param|argument|field",
    re.I,
)


class Fault(Exception):
    """Why there is no whole answer, as the rest of a sentence: "The language model x …".

    `is_outage` says that the server is at fault, and not this one question or the settings;
    `may_retry` that the same call may succeed after `wait_s` seconds (None: the server names
    none); `refusal` is the text with which it refused the form of the request.
    """

    def __init__(
        self,
        reason: str,
        *,
        is_outage: bool = True,
        may_retry: bool = False,
        wait_s: float | None = None,
        refusal: str = "",
    ) -> None:
        super().__init__(reason)
        self.is_outage = is_outage
        self.may_retry = may_retry
        self.wait_s = wait_s
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which of the optional fields a server takes, and how it names the limit of tokens."""

    has_stream_options: bool = True
    has_temperature: bool = True
    has_system_role: bool = True
    limit: str = "max_tokens"  # OpenAI's reasoning models want max_completion_tokens

    def body(self, model: str, prompt: Prompt, temperature: float) -> dict[str, Any]:
        """The fields of a streamed request."""
        body: dict[str, Any] = {
            "model": model,
            "messages": self._messages(prompt.messages),
            "stream": True,
            self.limit: prompt.max_tokens,
        }
        if self.has_temperature:
            body["temperature"] = temperature
        if self.has_stream_options:
            body["stream_options"] = {"include_usage": True}
        return body

    def _messages(self, messages: tuple[Message, ...]) -> list[dict[str, str]]:
        if not self.has_system_role:
            whole = "\n\n".join(message.content for message in messages)
            return [{"role": "user", "content": whole}]
        return [{"role": message.role, "content": message.content} for message in messages]

    def adapted(self, refusal: str) -> "Dialect | None":
        """The dialect to try after this refusal; None if no other could help."""
        steps = {
            "stream_options": self.has_stream_options and replace(self, has_stream_options=False),
            "temperature": self.has_temperature and replace(self, has_temperature=False),
            "max_tokens": self.limit == "max_tokens"
            and replace(self, limit="max_completion_tokens"),
            "system role": self.has_system_role and replace(self, has_system_role=False),
        }
        for name, step in steps.items():
            if step and name in refusal.casefold():
                return step
        if not _REFUSES_FIELD.search(refusal):
            return None
        return next((step for name, step in steps.items() if step and name != "system role"), None)


class Reply:
    """Reads the bytes of one streamed reply, also of servers that do not stream.

    `is_over` is set by the end marker; `is_finished` once the model said that it has ended.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._finish_reason: str | None = None
        self._usage: dict[str, Any] = {}
        self._rest = b""
        self._unframed = b""  # lines that belong to no event stream
        self._n_events = 0

    @property
    def is_finished(self) -> bool:
        """Whether the model said that its text is complete or has reached the limit."""
        return self._finish_reason is not None

    @property
    def is_cut(self) -> bool:
        """Whether the limit of tokens ended the text."""
        return self._finish_reason in ("length", "max_tokens")

    def feed(self, chunk: bytes) -> str:
        """The text in the lines that `chunk` completes.

        Raises:
            Fault: a line that is no part of an answer.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise _garbled()
        return "".join(map(self._read, lines))

    def close(self) -> str:
        """The text in what is left when the connection has ended.

        Raises:
            Fault: the reply is no whole answer.
        """
        text = self._read(self._rest)
        if not self._n_events and self._unframed.strip():
            text += self._read_document()
        if not self._n_events:
            raise Fault("sent an empty reply.", may_retry=True)
        if not self.is_finished:
            raise Fault("broke off in the middle of its answer.")
        return text

    def usage(self) -> Usage:
        """The counts that the server sent."""
        prompt, completion = self._usage.get("prompt_tokens"), self._usage.get("completion_tokens")
        return Usage(
            prompt if isinstance(prompt, int) else None,
            completion if isinstance(completion, int) else None,
            self.is_cut,
        )

    def _read(self, line: bytes) -> str:
        line = line.rstrip(b"\r")
        if line.startswith(b"data:"):
            return self._read_event(line[5:].strip())
        if not self._n_events and line and not _SSE_FIELD.match(line):
            self._unframed += line + b"\n"
            if len(self._unframed) > _LONGEST_LINE:
                raise _no_answer()
        return ""

    def _read_event(self, data: bytes) -> str:
        if self.is_over or not data:
            return ""
        self._n_events += 1
        if data == b"[DONE]":
            self.is_over = True
            return ""
        try:
            return self._read_chunk(orjson.loads(data), "delta")
        except (ValueError, TypeError, AttributeError) as error:
            raise _garbled() from error

    def _read_document(self) -> str:
        """A completion that came as one JSON document although a stream was asked for."""
        try:
            document = orjson.loads(self._unframed)
            text = self._read_chunk(document, "message")
        except (ValueError, TypeError, AttributeError) as error:
            raise _no_answer() from error
        if "choices" not in document:
            raise _no_answer()
        self._n_events += 1
        return text

    def _read_chunk(self, chunk: dict[str, Any], part: str) -> str:
        """The text of a chunk. Reasoning stands in fields of its own, which are not read."""
        if chunk.get("error") or chunk.get("object") == "error" or "detail" in chunk:
            raise Fault("reported an error in the middle of its answer.")
        if isinstance(chunk.get("usage"), dict):
            self._usage = chunk["usage"]
        text = ""
        for choice in (chunk.get("choices") or [])[:1]:
            text = (choice.get(part) or {}).get("content") or ""
            self._finish(choice.get("finish_reason"))
        if not isinstance(text, str):
            raise TypeError("content is not text")
        return text

    def _finish(self, reason: object) -> None:
        if reason == "content_filter":
            raise Fault("was stopped by its provider's content filter.", is_outage=False)
        if reason == "error":
            raise Fault("reported an error in the middle of its answer.")
        if reason:
            self._finish_reason = str(reason)


def fault_of_status(status: int, headers: Mapping[str, str], text: str) -> Fault:
    """The fault for a reply with an HTTP status of 400 or more and this text."""
    if status in (401, 403):
        return Fault(f"refused the key (HTTP {status}): check OPENAI_API_KEY.", is_outage=False)
    if status == 404 or (status == 400 and _NO_MODEL.search(text)):  # 400: LiteLLM's proxy
        reason = f"is not there (HTTP {status}): check CITELIGHT_MODEL and OPENAI_BASE_URL."
        return Fault(reason, is_outage=False)
    if status == 429 and "insufficient_quota" in text:
        return Fault("has no quota left (HTTP 429): check the account's plan.")
    if status == 429:
        reason = "is busy (HTTP 429): ask again in a moment."
        return Fault(reason, may_retry=True, wait_s=retry_after(headers))
    if status in (408, 409) or status >= 500:
        reason = f"has a fault on its server (HTTP {status}): ask again in a moment."
        refusal = text if "system role" in text.casefold() else ""
        return Fault(reason, may_retry=True, wait_s=retry_after(headers), refusal=refusal)
    if _TOO_LONG.search(text):
        reason = f"found the prompt too long (HTTP {status}): lower CITELIGHT_CONTEXT_WINDOW."
        return Fault(reason, is_outage=False)
    return Fault(f"did not accept the request (HTTP {status}).", is_outage=False, refusal=text)


def empty(*, is_cut: bool) -> Fault:
    """The fault of an answer without text."""
    if is_cut:
        return Fault(
            "spent all its tokens before it wrote a word: raise CITELIGHT_MAX_ANSWER_TOKENS.",
            is_outage=False,
        )
    return Fault("wrote nothing.")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait, in either form of the header; None if in none."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "")
        if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
            return float(value) * scale
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _garbled() -> Fault:
    return Fault("sent a piece that cannot be read.")


def _no_answer() -> Fault:
    return Fault(
        "is not what answers at its address: check OPENAI_BASE_URL, which usually ends in /v1."
    )
