"""What each service is asked, the traps each has, and genuine answers of theirs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from ingest.errors import InvalidInput
from ingest.feeds.client import Client
from ingest.feeds.config import FeedSpec, Keys, make_service
from ingest.feeds.pages import Window
from tests.conftest import SHARED
from tests.fakes import feed_server as fake
from tests.fakes.feed_runs import SERVICES, WORKS, Run, running
from tests.fakes.feed_server import Reply, works

FORMATS = SHARED / "data" / "formats"
needs_formats = pytest.mark.skipif(not FORMATS.exists(), reason="needs ../shared/data/formats")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with running(tmp_path / "library") as made:
        yield made


# --- what each is asked ---


def test_arxiv_is_asked_by_offset_from_a_day_on(run: Run) -> None:
    run(FeedSpec(service="arxiv", query="cat:cs.IR", since=date(2024, 1, 1)), fake.arxiv(WORKS))

    assert run.server.asked[0].params == {
        "search_query": "(cat:cs.IR) AND submittedDate:[202401010000 TO 209912312359]",
        "start": "0",
        "max_results": "500",
        "sortBy": "submittedDate",
        "sortOrder": "ascending",
    }


def test_crossref_is_asked_politely_and_for_abstracts(run: Run) -> None:
    spec = FeedSpec(service="crossref", query="roofs", filter="type:book", since=date(2024, 1, 1))
    run(spec, fake.crossref(WORKS, 3))
    params = run.server.asked[0].params

    assert params["filter"] == "type:book,from-pub-date:2024-01-01"
    assert (params["mailto"], params["cursor"]) == ("ada@example.org", "*")
    assert "abstract" in params["select"].split(",")


def test_keys_go_where_each_service_wants_them(run: Run) -> None:
    keys = Keys(openalex="k1", ncbi="k2", semantic_scholar="k3")
    for name in ("openalex", "pubmed", "semanticscholar"):
        run(*SERVICES[name], keys=keys)
    asked = [r.params.get("api_key") or r.headers["x-api-key"] for r in run.server.asked]

    assert list(dict.fromkeys(asked)) == ["k1", "k2", "k3"]


def test_pubmed_gets_tool_and_address(run: Run) -> None:
    run(*SERVICES["pubmed"])
    params = run.server.asked[0].params

    assert (params["tool"], params["email"]) == ("citelight", "ada@example.org")


def test_an_oai_token_is_sent_alone(run: Run) -> None:
    run(replace(SERVICES["oai"][0], set="cs"), SERVICES["oai"][1])
    asked = [r.params for r in run.server.asked]

    assert asked == [
        {"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "cs"},
        {"verb": "ListRecords", "resumptionToken": "3"},
        {"verb": "ListRecords", "resumptionToken": "6"},
    ]


def test_arxivs_repository_is_asked_for_its_own_format_at_its_own_pace() -> None:
    service = make_service(FeedSpec(service="oai", url="https://oaipmh.arxiv.org/oai"), Keys())

    assert service.interval_s == 3.0


@pytest.mark.parametrize(
    ("name", "param", "value"),
    [
        ("arxiv", "search_query", "(cat:cs.IR) AND submittedDate:[202611130000 TO 209912312359]"),
        ("openalex", "filter", "from_publication_date:2026-09-21"),
        ("crossref", "filter", "from-pub-date:2020-02-03,from-index-date:2026-11-18"),
        ("pubmed", "mindate", "2026/11/18"),
        ("semanticscholar", "publicationDateOrYear", "2026-09-21:"),
        ("oai", "from", "2026-11-19"),
    ],
)
def test_the_second_run_asks_for_news_with_an_overlap(
    run: Run, name: str, param: str, value: str
) -> None:
    spec = replace(SERVICES[name][0], since=date(2020, 2, 3))
    run(spec, SERVICES[name][1])
    run.server.asked.clear()
    run.time.moment += timedelta(days=30)
    run(spec)

    assert run.server.asked[0].params[param] == value


# --- traps ---


def test_a_list_without_end_is_stopped(run: Run) -> None:
    paper = '{"paperId": "1", "title": "T", "abstract": "Roofs hold rain."}'
    page = Reply(f'{{"total": 9, "token": "same", "data": [{paper}]}}')
    report = run(SERVICES["semanticscholar"][0], lambda _: page)

    assert "sends the same page again and again" in str(report.failure)
    assert len(run.server.asked) == 2


def test_empty_pages_without_end_are_stopped(run: Run) -> None:
    page = fake.oai_page("<ListRecords><resumptionToken>more</resumptionToken></ListRecords>")
    report = run(SERVICES["oai"][0], lambda _: Reply(page))

    assert "sends the same page again and again" in str(report.failure)
    assert len(run.server.asked) == 4


EMPTY = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:o="http://a9.com/-/spec/opensearch/1.1/">'
    "<o:totalResults>2000</o:totalResults></feed>"
)


def test_arxivs_empty_page_in_the_middle_is_asked_for_again(run: Run) -> None:
    whole = fake.arxiv(works(600))
    n_second = 0

    def answer(asked: fake.Asked) -> Reply:
        nonlocal n_second
        n_second += asked.params["start"] == "500"
        return Reply(EMPTY) if n_second in (1, 2) else whole(asked)

    report = run(SERVICES["arxiv"][0], answer)

    assert (report.n_read, report.is_complete, n_second) == (600, True, 3)


def test_arxivs_empty_pages_far_from_the_end_are_a_failure(run: Run) -> None:
    report = run(SERVICES["arxiv"][0], lambda _: Reply(EMPTY))

    assert "arXiv sends empty pages at 0 of 2,000 papers" in str(report.failure)


def test_arxiv_is_asked_anew_from_the_last_day_where_offsets_get_deep(run: Run) -> None:
    def answer(asked: fake.Asked) -> Reply:
        page = str(
            fake.arxiv(works(500))(replace(asked, params=asked.params | {"start": "0"})).body
        )
        return Reply(page.replace("totalResults>500", "totalResults>10600"))

    run.server.answer = answer
    service = run.service(SERVICES["arxiv"][0], Keys())
    with Client(clock=run.time.clock) as client:
        page = service.page(client, Window(), ":9500", None)
        service.page(client, Window(), page.cursor, None)
    query = run.server.asked[1].params["search_query"]

    assert page.cursor == "202401241000:0"
    assert query == "(cat:cs.IR) AND submittedDate:[202401241000 TO 209912312359]"


def test_arxivs_new_version_takes_the_place_of_the_old(run: Run) -> None:
    old = fake.arxiv(works(1))
    run(SERVICES["arxiv"][0], old)

    def newer(asked: fake.Asked) -> Reply:
        body = str(old(asked).body).replace("00000v1", "00000v2").replace("slate", "tiles")
        return Reply(body)

    report = run(SERVICES["arxiv"][0], newer)
    ordinals = [o for o, _, _ in run.library.catalogue.live()]

    assert (report.report.updated, report.report.papers) == (1, 1)
    assert "tiles" in run.library.papers(ordinals)[0].paper.abstract


def test_an_error_in_arxivs_feed_is_told(run: Run) -> None:
    entry = "<entry><id>https://arxiv.org/api/errors#x</id><summary>bad field</summary></entry>"
    body = EMPTY.replace("</feed>", f"{entry}</feed>")
    report = run(SERVICES["arxiv"][0], lambda _: Reply(body))

    assert isinstance(report.failure, InvalidInput)
    assert "bad field" in str(report.failure)


def test_crossref_that_sends_fewer_than_announced_is_asked_anew(run: Run) -> None:
    whole = fake.crossref(WORKS, 3)
    short = fake.crossref(WORKS[:3], 3)

    def lossy(asked: fake.Asked) -> Reply:
        return Reply(str(short(asked).body).replace('"total-results": 3', '"total-results": 7'))

    first = run(SERVICES["crossref"][0], lossy)
    second = run(SERVICES["crossref"][0], whole)

    assert "announced 7 records and sent 3" in str(first.failure)
    assert (second.n_read, second.report.new, second.is_complete) == (7, 3, True)


def test_pubmed_cuts_large_results_into_spans_of_days(run: Run) -> None:
    have = [fake.Work(n, f"Rain on roof {n} is measured.") for n in range(20)]
    entered = {w.n: date(1990 + 2 * (w.n % 15), 6, 1) for w in have}

    def answer(asked: fake.Asked) -> Reply:
        if not asked.path.endswith("/esearch.fcgi"):
            return fake.pubmed(have)(asked)
        first, last = (
            date.fromisoformat(asked.params[p].replace("/", "-")) for p in ("mindate", "maxdate")
        )
        found = [w for w in have if first <= entered[w.n] <= last]
        real = fake.pubmed(found)(asked)
        many = '"count": "' + str(len(found) * 2_500) + '"'  # four papers are too many
        return Reply(str(real.body).replace(f'"count": "{len(found)}"', many))

    report = run(SERVICES["pubmed"][0], answer)

    assert (report.n_read, len(run.titles()), report.is_complete) == (20, 20, True)


def test_pubmed_says_when_one_day_has_too_much(run: Run) -> None:
    found = '{"esearchresult": {"count": "20000", "idlist": ["1"]}}'
    report = run(SERVICES["pubmed"][0], lambda _: Reply(found))

    assert "20,000 papers of 1900-01-01" in str(report.failure)


def test_a_repositorys_error_is_told_with_advice(run: Run) -> None:
    error = '<error code="cannotDisseminateFormat">no marc</error>'
    report = run(SERVICES["oai"][0], lambda _: Reply(fake.oai_page(error)))

    assert str(report.failure) == (
        "The repository answered cannotDisseminateFormat: no marc"
        " Choose another metadata prefix, such as oai_dc."
    )


# --- genuine answers ---


def genuine(path: str) -> str:
    return (FORMATS / path).read_text(encoding="utf-8")


@needs_formats
def test_genuine_arxiv_answers(run: Run) -> None:
    page = genuine("arxiv_atom/search_testing_100.xml")
    report = run(replace(SERVICES["arxiv"][0], limit=100), lambda _: Reply(page))

    assert (report.n_read, report.report.new, report.is_complete) == (100, 100, False)


@needs_formats
def test_a_genuine_arxiv_error(run: Run) -> None:
    page = genuine("arxiv_atom/error_bad_id.xml")
    report = run(SERVICES["arxiv"][0], lambda _: Reply(page, status=400))

    assert "answered 400: incorrect id format for abc" in str(report.failure)


@needs_formats
def test_genuine_oai_answers_in_two_parts(run: Run) -> None:
    token = '<resumptionToken cursor="0" completeListSize="196">5|7</resumptionToken>'
    first = genuine("oai_pmh/sample_arxiv_response_listrecords_cs.xml")
    first = first.replace("</ListRecords>", f"{token}</ListRecords>")
    second = genuine("oai_pmh/sample_arxiv_response_listrecords_physics.xml")
    report = run(
        SERVICES["oai"][0],
        lambda asked: Reply(second if asked.params.get("resumptionToken") == "5|7" else first),
    )

    assert (report.n_read, list(report.report.rejected), report.is_complete) == (196, [], True)


@needs_formats
def test_a_genuine_oai_answer_without_records(run: Run) -> None:
    page = genuine("oai_pmh/sample_empty_response.xml")
    report = run(SERVICES["oai"][0], lambda _: Reply(page))

    assert (report.n_read, report.is_complete) == (0, True)


@needs_formats
def test_genuine_crossref_answers(run: Run) -> None:
    page = genuine("crossref/habanero_test_workscontainer_with_cursor.json")
    report = run(replace(SERVICES["crossref"][0], limit=5), lambda _: Reply(page))

    assert (report.n_read, report.n_read - report.n_without_abstract) == (5, report.report.new)
    assert report.report.new == page.count('"abstract":')


@needs_formats
def test_genuine_openalex_answers(run: Run) -> None:
    page = genuine("openalex/search_title_paperqa.json")
    report = run(SERVICES["openalex"][0], lambda _: Reply(page))

    assert (report.report.new, report.is_complete) == (1, True)


@needs_formats
def test_genuine_semantic_scholar_answers(run: Run) -> None:
    first = genuine("semantic_scholar/test_search_paper_bulk_retrieval.json")
    records = genuine("semantic_scholar/batch_with_abstracts_and_null.json")
    second = f'{{"total": 2674, "token": null, "data": {records}}}'
    report = run(
        SERVICES["semanticscholar"][0],
        lambda asked: Reply(second if "token" in asked.params else first),
    )

    assert report.report.new == records.count('"abstract": "')
    assert [r.reason for r in report.report.rejected] == [
        "null: the service did not know this paper"
    ]
    assert report.is_complete


@needs_formats
def test_genuine_pubmed_answers(run: Run) -> None:
    pages = [genuine(f"pubmed_xml/biopython_pubmed{n}.xml") for n in (1, 2, 4, 5, 6, 7)]
    papers = iter(pages)
    ids = ", ".join(f'"{n}"' for n in range(1, 1 + 200 * len(pages)))
    found = f'{{"esearchresult": {{"count": "1200", "idlist": [{ids}]}}}}'
    report = run(
        SERVICES["pubmed"][0],
        lambda asked: Reply(found if asked.path.endswith("/esearch.fcgi") else next(papers)),
    )

    assert (report.n_read, report.n_without_abstract, report.is_complete) == (8, 1, True)
