"""The OpenAPI document holds: what is sent by it, and against it, is answered as it says."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as bounds
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from service.api import create_app
from service.app import Core, build
from service.keys import Keys
from tests.conftest import settings
from tests.fakes.homes import copy_home
from tests.serving import served

QUESTION = "How does BM25 weigh the terms of a query?"
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
SLOW = {"POST /v1/papers": 4}  # requests at most: each starts a process
Operation = APIOperation[Any, Any, Any, Any]  # Any: schemathesis's own parameter types


@pytest.fixture(scope="module")
def own_core(core: Core, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """A core over a copy of the sample library, which may be changed."""
    home = tmp_path_factory.mktemp("contract") / "home"
    own = build(settings(copy_home(core.settings.home, home)))
    yield own
    own.close()


@pytest.fixture(scope="module")
def service(own_core: Core) -> Iterator[str]:
    keys = Keys(own_core.settings.home / "keys.sqlite")
    with served(create_app(own_core, keys=keys)) as url:
        yield url
    keys.close()


def known_ids(service: str) -> dict[str, str]:
    """Path parameters of things that are there."""
    body: dict[str, Any] = {"question": QUESTION, "remember": True}
    answer = requests.post(f"{service}/v1/ask", json=body, timeout=60).json()
    paper = requests.get(f"{service}/v1/papers?limit=1", timeout=60).json()["papers"][0]
    job = requests.post(f"{service}/v1/papers", json=[{"title": "Moss"}], timeout=60).json()
    return {
        "answer_id": answer["id"],
        "run_id": answer["run_id"],
        "conversation_id": answer["conversation_id"],
        "paper_id": paper["id"],
        "job_id": job["job"],
        "model": "citelight",
    }


def operations(service: str) -> Iterator[Operation]:
    document = requests.get(f"{service}/openapi.json", timeout=60).json()
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(result, Ok), result
        yield result.ok()


def examine(
    service: str,
    operation: Operation,
    mode: GenerationMode,
    n: int,
    ids: Mapping[str, str] | None = None,
) -> list[str]:
    """What breaks the document in the answers to `n` requests of this operation."""
    broken: list[str] = []
    cases = operation.as_strategy(generation_mode=mode, path_parameters=dict(ids) if ids else None)

    @seed(1)
    @bounds(
        max_examples=min(n, SLOW.get(operation.label, n)),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: Any) -> None:  # Any: a schemathesis case
        with requests.Session() as session:
            try:
                case.call_and_validate(base_url=service, session=session, checks=CHECKS)
            except FailureGroup as found:
                broken.append(f"{operation.label}: {found.exceptions}")

    send()
    return broken


def test_requests_by_the_document_are_answered_by_it(service: str) -> None:
    broken = [
        b for o in operations(service) for b in examine(service, o, GenerationMode.POSITIVE, 6)
    ]

    assert broken == []


def test_requests_against_the_document_are_answered_by_it(service: str) -> None:
    breakable, mode = [o for o in operations(service) if o.query or o.body], GenerationMode.NEGATIVE
    broken = [b for o in breakable for b in examine(service, o, mode, 5)]

    assert broken == []


def test_requests_for_what_is_there_are_answered_by_the_document(service: str) -> None:
    known, broken = known_ids(service), list[str]()
    for operation in operations(service):
        ids = {p.name: known[p.name] for p in operation.path_parameters if p.name in known}
        if ids:
            broken += examine(service, operation, GenerationMode.POSITIVE, 3, ids)

    assert broken == []


def test_bytes_that_are_no_text_in_an_address_are_answered_by_the_document(service: str) -> None:
    statuses = {}
    for operation in operations(service):
        path = operation.path.replace("{", "%ED%A0%80{").replace("}", "}%00%FF")
        reply = requests.request(operation.method, f"{service}{path}?q=%ED%A0%80&x=%FF", timeout=60)
        if str(reply.status_code) not in operation.definition.raw["responses"]:
            statuses[operation.label] = reply.status_code

    assert statuses == {}
