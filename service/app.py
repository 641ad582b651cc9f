"""Puts the objects together: settings in, a running core out."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.build import Report, ingest, remove
from ingest.dense import ChromaServer, Collections, EmbeddedChroma
from ingest.embed import Embedder
from ingest.embed_remote import OpenAIEmbedder
from ingest.library import Library
from ingest.sample import SAMPLE, SOURCE
from ingest.sources import discover
from ingest.tokens import count_tokens
from service.assistant import Assistant
from service.citations import Prices
from service.conversations import Conversations
from service.retrieve import Retriever
from service.settings import Settings

if TYPE_CHECKING:
    from service.generate import Generator
    from service.llm import LLM
    from service.tracing import Tracing

_SAMPLE_REMOVED = "sample_removed"


@dataclass(frozen=True, slots=True)
class Core:
    """What every door is given."""

    settings: Settings
    library: Library
    retriever: Retriever
    conversations: Conversations
    assistant: Assistant
    llm: "LLM | None" = None
    tracing: "Tracing | None" = None

    def warm_up(self) -> None:
        """Loads what the first question and a model's first answer would wait for.

        Not needed, and safe beside answers that are already under way.
        """
        self.retriever.warm_up()
        if self.llm:
            self.llm.load()
            count_tokens("")

    def close(self) -> None:
        self.library.close()
        self.conversations.close()
        if self.tracing:
            self.tracing.close()


def build(settings: Settings, *, is_traced: bool = False) -> Core:
    """Opens the library and the history under `settings.home` and wires them up.

    `is_traced` sends traces to the collector that the settings name.

    Raises:
        InvalidInput: traces cannot be sent as the settings say.
    """
    tracing = _tracing(settings) if is_traced else None
    home = home_of(settings)
    library = open_library(settings)
    retriever = Retriever(library)
    conversations = Conversations(home / "conversations.sqlite")
    llm = _llm(settings)
    assistant = Assistant(
        retriever,
        library.embedder,
        conversations,
        generator=_traced(llm, tracing, settings),
        n_passages=settings.passages,
        settings_hash=settings.answering,
        is_strict=settings.strict,
        prices=Prices(settings.price_prompt, settings.price_completion),
    )
    return Core(settings, library, retriever, conversations, assistant, llm, tracing)


def home_of(settings: Settings) -> Path:
    return settings.home.expanduser()


def open_library(settings: Settings) -> Library:
    """The library alone, for commands that answer nothing."""
    return Library(home_of(settings), _embedder(settings), _collections(settings))


def _llm(settings: Settings) -> "LLM | None":
    if not settings.model:
        return None
    from service.llm import LLM  # not loaded where no model is used

    return LLM(
        settings.model,
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key.get_secret_value(),
        azure_api_version=settings.azure_api_version,
        timeout_s=settings.llm_timeout_s,
        context_window=settings.context_window,
        max_answer_tokens=settings.max_answer_tokens,
    )


def _tracing(settings: Settings) -> "Tracing | None":
    if not settings.otlp_endpoint:
        return None
    from service.tracing import Tracing  # of an extra

    return Tracing(settings.otlp_endpoint)


def _traced(llm: "LLM | None", tracing: "Tracing | None", settings: Settings) -> "Generator | None":
    if not llm or not tracing:
        return llm
    from service.tracing import TracedGenerator

    provider = "azure.ai.openai" if settings.azure_api_version else "openai"
    return TracedGenerator(llm, tracing, base_url=settings.openai_base_url, provider=provider)


def _embedder(settings: Settings) -> Embedder:
    if settings.embedder == "embedded":
        from ingest.minilm import MiniLM  # onnxruntime takes 0.2 s to import

        return MiniLM.open()
    key = settings.embedder_api_key or settings.openai_api_key
    base_url = settings.embedder_base_url or settings.openai_base_url
    return OpenAIEmbedder(base_url, settings.embedder, key.get_secret_value())


def _collections(settings: Settings) -> Collections:
    return ChromaServer(settings.chroma_url) if settings.chroma_url else EmbeddedChroma()


def add_sample(library: Library) -> Report:
    """Puts the bundled sample library in."""
    (source,) = discover(SAMPLE)
    return ingest(library, [replace(source, name=SOURCE)])


def add_sample_if_empty(library: Library) -> Report | None:
    """Puts the sample library into an empty library, unless it was removed from it once."""
    if not library.is_empty or library.catalogue.meta(_SAMPLE_REMOVED):
        return None
    return add_sample(library)


def remove_sample(library: Library) -> int:
    """Takes the sample library out for good; how many papers that were."""
    n_papers = remove(library, source=SOURCE)
    library.catalogue.set_meta(_SAMPLE_REMOVED, "yes")
    return n_papers
