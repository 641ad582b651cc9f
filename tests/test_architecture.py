"""Imports point one way, and heavy libraries stay in one module each."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Every module, lowest first; a module imports only from lines above its own. Modules on one line
# do not import each other, but for packages, whose own modules may.
ORDER = [
    "prompts ingest service",
    "ingest.errors ingest.papers ingest.report ingest.row_file ingest.runtime ingest.sample",
    "ingest.sentences ingest.stop_words ingest.token_vectors ingest.tokens",
    "ingest.embed ingest.chunk ingest.disk ingest.merge ingest.minilm_graph ingest.sources",
    "ingest.minilm_weights",
    "ingest.embed_remote ingest.minilm ingest.postings ingest.vectors",
    "ingest.database ingest.dense ingest.lexical ingest.scan",
    "ingest.ledger",
    "ingest.catalogue",
    "ingest.draft ingest.generation ingest.identify ingest.indexing",
    "ingest.duplicates ingest.generations",
    "ingest.library",
    "ingest.ahead ingest.doctor",
    "ingest.build",
    "ingest.feeds",
    "service.filters service.keys service.metrics service.settings",
    "service.access service.beir service.progress",
    "service.named service.operators",
    "service.candidates",
    "service.interaction",
    "service.retrieve",
    "service.citations service.cues service.evidence service.inert service.plan",
    "service.answerability service.bibliography service.conversations service.events",
    "service.exports service.extract service.logs service.meters service.refusals",
    "service.generate service.breaker service.thinking service.mark_forms service.mark_spans",
    "service.followup service.llm_wire service.marks service.tracing",
    "service.llm",
    "service.quantities service.wording",
    "service.opposites",
    "service.statements",
    "service.guards service.names",
    "service.verify",
    "service.draft",
    "service.strict",
    "service.compose",
    "service.depth service.grouped",
    "service.assistant service.jobs service.runs",
    "service.app service.replay service.watched",
    "service.answer_evaluation service.backup service.evaluation service.llama service.records",
    "service.mcp service.openai_api service.slack service.web",
    "service.api service.terminal",
    "service.answer_commands service.feeds service.feed_commands service.key_commands",
    "service.backup_commands service.ingest_commands service.upkeep",
    "service.server",
    "service.cli",
]
RANK = {module: rank for rank, line in enumerate(ORDER) for module in line.split()}

# Seconds to import, so loaded where used, and nowhere else.
HOMES = {
    "chromadb": {"ingest.dense"},
    "tantivy": {"ingest.lexical"},
    "opentelemetry": {"service.tracing"},
    "onnxruntime": {"ingest.runtime"},
    "openai": {"ingest.embed_remote", "service.llm"},
    "httpx2": {"ingest.feeds.client", "service.llm"},
    "prometheus_client": {"service.meters"},
    "slack_bolt": {"service.slack"},
    "llama_index": {"ingest.chunk", "service.llama"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("prompts", "ingest", "service"):
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__"), file


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ranked(module: str) -> str:
    """The listed module that this one is, or is a part of."""
    while module not in RANK and "." in module:
        module = module.rpartition(".")[0]
    return module


def test_every_module_has_its_place() -> None:
    missing = [m for m, _ in modules() if m not in RANK and ranked(m) in ("ingest", "service")]

    assert missing == []


@pytest.mark.parametrize(("module", "file"), list(modules()), ids=lambda value: str(value)[-30:])
def test_imports_point_down(module: str, file: Path) -> None:
    own = ranked(module)
    wrong = {
        name
        for name in map(ranked, imports(file))
        if name in RANK and name != own and RANK[name] >= RANK[own] and "." in name
    }

    assert wrong == set()


@pytest.mark.parametrize(("library", "homes"), list(HOMES.items()))
def test_a_heavy_library_stays_at_home(library: str, homes: set[str]) -> None:
    users = {
        ranked(m) if m not in homes else m
        for m, file in modules()
        for i in imports(file)
        if i.split(".")[0] == library
    }

    assert users <= homes


def test_the_command_line_starts_without_heavy_libraries() -> None:
    heavy = sorted([*HOMES, "fastapi", "numpy", "pydantic"])
    code = f"import sys, service.cli; print([m for m in {heavy!r} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == "[]"


def test_the_service_starts_without_llama_index_openai_and_mcp() -> None:
    code = (
        "import sys, service.server; "
        "print([m for m in ('llama_index', 'openai', 'mcp') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == "[]"
