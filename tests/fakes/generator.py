"""A generator whose words the test writes."""

from collections.abc import AsyncGenerator, Sequence

from service.generate import Delta, GenerationFailed, Prompt, Usage


class ScriptedGenerator:
    """Writes the given deltas, then ends, or fails with `error`; remembers its prompts."""

    name = "scripted"
    context_window = 8192
    max_answer_tokens = 800

    def __init__(self, deltas: Sequence[str], error: str = "") -> None:
        self.prompts: list[Prompt] = []
        self._deltas = deltas
        self._error = error

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Delta | Usage, None]:
        self.prompts.append(prompt)
        for delta in self._deltas:
            yield Delta(delta)
        if self._error:
            raise GenerationFailed(self._error)
        yield Usage(100, 20)
