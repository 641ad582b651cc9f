"""The feeds as commands: `citelight ingest arxiv ...` beside `citelight ingest PATH...`."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

import click

FILES = "files"  # the command that stands for none


class PathsOrFeed(click.Group):
    """A group of feeds; whatever does not start with the name of one is paths.

    A file or folder of a feed's name goes before the feed.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        is_feed = first in self.commands and first != FILES and not Path(first).exists()
        if not is_feed and first not in ctx.help_option_names:
            args = [FILES, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return (None if name == FILES else name), command, rest

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] PATHS...")
        formatter.write_usage(ctx.command_path, "FEED [OPTIONS]", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        files = self.commands[FILES]
        given = [p for p in files.get_params(ctx) if isinstance(p, click.Option)]
        options = [record for p in given if (record := p.get_help_record(ctx))]
        with formatter.section("Options for PATHS"):
            formatter.write_dl(options)
        feeds = [(n, c.get_short_help_str()) for n, c in self.commands.items() if not c.hidden]
        with formatter.section("Feeds (each has its own --help)"):
            formatter.write_dl(feeds)


Asked = dict[str, str | int | date | None]  # the fields of `FeedSpec` as given
Run = Callable[[Asked, bool, bool], None]  # what is asked, whether from the start, as JSON

_QUERY, _FILTER = "--query", "--filter"
_FEEDS: Sequence[tuple[str, str, tuple[tuple[str, bool, str], ...], Sequence[str]]] = (
    (
        "arxiv",
        "Preprints from arXiv, by its search API.",
        ((_QUERY, True, 'In arXiv\'s syntax: cat:cs.IR, au:knuth, abs:"late interaction".'),),
        (
            '--query "cat:cs.IR" --since 2024-01-01',
            "--query 'cat:cs.CL AND abs:\"retrieval augmented\"' --limit 500",
        ),
    ),
    (
        "openalex",
        "Works from OpenAlex. Needs the free key in OPENALEX_API_KEY for more than a try.",
        (
            (_QUERY, False, "Words to search for."),
            (_FILTER, False, "In OpenAlex's syntax: type:article,institutions.country_code:fr."),
        ),
        (
            '--query "dense retrieval" --since 2024-01-01',
            '--filter "primary_topic.id:T10028,has_abstract:true"',
        ),
    ),
    (
        "crossref",
        "Works from Crossref. Most of its records have no abstract.",
        (
            (_QUERY, False, "Words to search for."),
            (_FILTER, False, "In Crossref's syntax: has-abstract:true,issn:2167-8359."),
        ),
        (
            '--query "soil microbiome" --filter has-abstract:true --since 2024-01-01',
            '--filter "issn:2167-8359,has-abstract:true"',
        ),
    ),
    (
        "pubmed",
        "Papers from PubMed, by NCBI's E-utilities.",
        ((_QUERY, True, "In PubMed's syntax: asthma[mesh] AND review[pt]."),),
        (
            '--query "asthma[mesh] AND randomized controlled trial[pt]" --since 2023-01-01',
            '--query "crispr[tiab]" --limit 1000',
        ),
    ),
    (
        "semanticscholar",
        "Papers from Semantic Scholar, by its bulk search.",
        ((_QUERY, True, 'Words, with + | - "phrases" and (groups).'),),
        (
            '--query "\\"question answering\\" + citations" --since 2024-01-01',
            '--query "late interaction" --limit 1000',
        ),
    ),
    (
        "oai",
        "Records of a repository that speaks OAI-PMH.",
        (
            ("url", True, ""),
            ("--set", False, "Only this set of the repository."),
            ("--prefix", False, "Metadata format: oai_dc, arXiv.  [default: by repository]"),
        ),
        (
            "https://oaipmh.arxiv.org/oai --set cs --since 2026-11-01",
            "https://zenodo.org/oai2d --set user-astronomy",
        ),
    ),
)


def add_feeds(group: click.Group, run: Run) -> None:
    """Puts one command a feed into the group."""
    for name, summary, questions, examples in _FEEDS:
        group.add_command(_command(name, summary, questions, examples, run))


def _command(
    name: str,
    summary: str,
    questions: Sequence[tuple[str, bool, str]],
    examples: Sequence[str],
    run: Run,
) -> click.Command:
    def call(since: datetime | None, is_full: bool, as_json: bool, **asked: str | int) -> None:
        given = {key: value for key, value in asked.items() if value is not None}
        day = since.date() if since else None
        run({"service": name, "since": day, **given}, is_full, as_json)

    lines = "\n".join(f"  citelight ingest {name} {example}" for example in examples)
    text = (
        f"{summary}\n\nA run that is cut off is taken up where it stopped; later runs ask only"
        " for what is new. Papers without abstract are counted and left out.\n\n"
        f"\b\nExamples:\n{lines}\n"
    )
    return click.Command(name, callback=call, params=_params(name, questions), help=text)


def _params(name: str, questions: Sequence[tuple[str, bool, str]]) -> list[click.Parameter]:
    params: list[click.Parameter] = [
        click.Option([option], required=is_needed, help=text)
        if option.startswith("--")
        else click.Argument([option], required=is_needed)
        for option, is_needed, text in questions
    ]
    what = "changed" if name == "oai" else "submitted" if name == "arxiv" else "published"
    day = click.DateTime(["%Y-%m-%d"])
    params += [
        click.Option(
            ["--since"], type=day, metavar="DATE", help=f"Only papers {what} on this day or later."
        ),
        click.Option(
            ["--limit"],
            type=click.IntRange(min=1),
            help="Stop after about so many records; the next run goes on from there.",
        ),
        click.Option(
            ["--all", "is_full"],
            is_flag=True,
            help="Ask for everything again, not only for what is new.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."),
    ]
    if name != "oai":
        params.insert(-1, click.Option(["--base-url"], help="Address of a mirror of the service."))
    return params
