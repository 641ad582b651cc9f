"""The shapes of this door as the OpenAPI document shows them."""

from typing import Any, Literal

from pydantic import BaseModel


class ErrorBody(BaseModel):
    """What is wrong. `code` is a stable name of it."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(BaseModel):
    """An error in OpenAI's shape."""

    error: ErrorBody


class Model(BaseModel):
    """A model that can be asked."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(BaseModel):
    """The models there are."""

    object: Literal["list"]
    data: list[Model]


class UrlCitation(BaseModel):
    """`content[start_index:end_index]` is the mark, counted in code points."""

    url: str
    title: str
    start_index: int
    end_index: int


class Annotation(BaseModel):
    """A cited paper."""

    type: Literal["url_citation"]
    url_citation: UrlCitation


class AnswerMessage(BaseModel):
    """The answer in Markdown with marks `[n]`, and the papers they point at."""

    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[Annotation] = []


class Choice(BaseModel):
    """The one answer."""

    index: int
    message: AnswerMessage
    finish_reason: Literal["stop"]
    logprobs: None


class TokenUsage(BaseModel):
    """Tokens that a language model was sent and wrote; zeros for quoted answers."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage
    citations: list[str] = []
    search_results: list[dict[str, Any]] = []


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": OpenAIError, "description": text}
    for status, text in (
        (400, "The request does not fit"),
        (401, "An API key is needed"),
        (403, "This key may not do that"),
        (413, "The request is too large"),
        (429, "Too many requests"),
        (500, "Something went wrong here"),
        (503, "A part does not answer"),
    )
}
MISSING: dict[int | str, dict[str, Any]] = ERRORS | {
    404: {"model": OpenAIError, "description": "There is no such model"}
}
_CHUNK = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {
            "type": "string",
            "description": "A `chat.completion.chunk` as JSON, an error, or at the end `[DONE]`",
        }
    },
}
COMPLETED: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ChatCompletion,
        "description": "The answer",
        "content": {"text/event-stream": {"itemSchema": _CHUNK}},
    }
}
