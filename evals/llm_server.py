"""Does a server speak OpenAI's chat format as we read it?

    uv run python -m evals.llm_server http://127.0.0.1:4000/v1 MODEL [KEY]

Asks it a question, asks again and leaves after the first piece, and asks with a wrong key.
"""

import asyncio
import sys
from contextlib import aclosing

from service.generate import Delta, GenerationFailed, Message, Prompt
from service.llm import LLM

_PROMPT = Prompt(
    (Message("system", "Answer in one sentence."), Message("user", "Why does moss hold rain?")),
    60,
    "v1",
    (1,),
)


async def whole(llm: LLM) -> str:
    """What the server answers: the text in pieces and the usage, or the reason for none."""
    try:
        *deltas, usage = [part async for part in llm.generate(_PROMPT)]
    except GenerationFailed as error:
        return f"failed: {error}"
    text = "|".join(part.text for part in deltas if isinstance(part, Delta))
    return f"{len(deltas)} deltas: {text}\n{usage}"


async def left(llm: LLM) -> str:
    """Closes the stream after its first piece, then asks again."""
    async with aclosing(llm.generate(_PROMPT)) as parts:
        await anext(parts)
    return f"after leaving: {await whole(llm)}"


async def check(base_url: str, model: str, key: str) -> None:
    for name, act, shown in (
        ("whole", whole, key), ("left", left, key), ("wrong key", whole, "wrong"),
    ):  # fmt: skip
        llm = LLM(model, base_url=base_url, api_key=shown)
        try:
            sys.stdout.write(f"## {name}\n{await act(llm)}\n")
        except GenerationFailed as error:
            sys.stdout.write(f"## {name}\nfailed: {error}\n")
        finally:
            await llm.close()


if __name__ == "__main__":
    url, model_name, *keys = sys.argv[1:]
    asyncio.run(check(url, model_name, keys[0] if keys else ""))
