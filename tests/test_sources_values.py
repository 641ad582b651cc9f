"""Bibliographic values in one form, whatever a source writes."""

import pytest

from ingest.sources.values import parse_doi

SICI = "10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://doi.org/10.1038/S41467-024-48400-3.", "10.1038/s41467-024-48400-3"),
        ("(see 10.1000/abc)", "10.1000/abc"),
        ("10.1016/0370-2693(93)90990-y", "10.1016/0370-2693(93)90990-y"),
        ("10.3275/8949</ArticleId>", "10.3275/8949"),
        (f"doi:{SICI}, 1990", SICI.casefold()),
        (SICI.replace("<", "&lt;").replace(">", "&gt;"), SICI.casefold()),
        (
            "https://doi.org/10.1002/%28SICI%291097-4571%28199009%2941%3A6%3C391%3A%3AAID-ASI1"
            "%3E3.0.CO%3B2-9",
            SICI.casefold(),
        ),
        (
            "10.1130/0016-7606(2002)114<1143:WPM>2.0.CO;2",
            "10.1130/0016-7606(2002)114<1143:wpm>2.0.co;2",
        ),
        ("10.1000%2Fabc", "10.1000/abc"),
        ("no doi", None),
        (None, None),
    ],
)
def test_a_doi_is_read_whole_and_alone(written: object, meant: str | None) -> None:
    assert parse_doi(written) == meant
