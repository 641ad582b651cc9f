"""What OpenAI's clients send, as far as it means something here."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingest.errors import InvalidInput
from service.generate import Exchange
from service.openai_api.reply import LISTING

MAX_MESSAGES = 500
MAX_QUESTION = 4_000  # characters of an earlier question that are kept
_MAX_TEXT = 200_000  # characters of a message


class TextPart(BaseModel):
    """A part of a message. Only text can be read."""

    type: str = Field(max_length=64)
    text: str | None = Field(default=None, max_length=_MAX_TEXT)


class ChatMessage(BaseModel):
    """A message of the conversation; `system` and `developer` ones are not used."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = Field(default=None, max_length=_MAX_TEXT)

    def text(self) -> str:
        """The message's words.

        Raises:
            InvalidInput: it holds an image, sound or file.
        """
        if not isinstance(self.content, list):
            return self.content or ""
        if any(part.type not in ("text", "refusal") for part in self.content):
            raise InvalidInput("Only text can be read here. Send the question in words.")
        return "\n".join(part.text or "" for part in self.content)


class StreamOptions(BaseModel):
    """How to stream."""

    include_usage: bool | None = None


class ChatBody(BaseModel):
    """A chat completion request. Sampling parameters are accepted and without effect."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "model": "citelight",
                    "messages": [{"role": "user", "content": "How does BM25 weigh terms?"}],
                }
            ]
        },
    )

    model: str = Field(max_length=200)
    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    tools: list[Any] | None = None  # Any: refused whatever they are
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None

    @property
    def lists_references(self) -> bool:
        """Whether the text is to end with a list of the cited papers."""
        return self.model == LISTING

    def check(self) -> None:
        """Raises `InvalidInput` for what cannot be done."""
        if self.tools or self.functions:
            raise InvalidInput("This model calls no tools. Leave out `tools` and `functions`.")
        if self.n not in (None, 1):
            raise InvalidInput("One answer is given. Leave out `n`, or send 1.")
        if self.response_format and self.response_format.get("type") != "text":
            raise InvalidInput("Answers are text. Leave out `response_format`.")

    def conversation(self) -> tuple[str, list[Exchange]]:
        """The question, and the questions before it with their answers, oldest first.

        Raises:
            InvalidInput: nobody asks, or a message holds more than text.
        """
        turns = [(m.role, m.text()) for m in self.messages if m.role in ("user", "assistant")]
        last = max((i for i, (role, _) in enumerate(turns) if role == "user"), default=-1)
        if last < 0:
            raise InvalidInput("No message is from the user. Send the question as one.")
        return turns[last][1], _exchanges(turns[:last])


def _exchanges(turns: Sequence[tuple[str, str]]) -> list[Exchange]:
    """Each question with what answered it; questions that nothing answered are left out."""
    found: list[Exchange] = []
    question = ""
    for role, text in turns:
        if role == "user":
            question = text[:MAX_QUESTION]
        elif question:
            found.append(Exchange(question, text))
            question = ""
    return found
