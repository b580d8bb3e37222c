"""Cleaning page: every rule is on it, with what it touched and what changes without it."""

import polars as pl
import pytest

from assets.evaluation.cleaning_counts import CleaningCounts
from assets.evaluation.cleaning_effect import CleaningEffect
from assets.evaluation.cleaning_page import WARNING, cleaning_page

ENDS = ("", "_lower", "_upper")


@pytest.fixture
def counts() -> pl.DataFrame:
    rows = {
        "rule": ["st", "st", "not_a_session"],
        "action": ["masked", "masked", "refused"],
        "year": [2014, 2015, 2015],
        "board": ["main", "main", "chinext"],
        "rows": [1_200, 300, 7],
        "share": [0.12, 0.03, 0.001],
    }
    return CleaningCounts.validate(pl.DataFrame(rows), cast=True)


@pytest.fixture
def effect() -> pl.DataFrame:
    told = {
        "rank_ic": 0.112,
        "rank_ic_change": -0.0044,
        "rank_ic_change_lower": -0.0063,
        "rank_ic_change_upper": -0.0024,
    }
    excess = dict(zip((f"excess_change{end}" for end in ENDS), (-0.068, -0.12, -0.016), strict=True))
    excess["excess_return_annual"] = 0.28
    line = {"action": "masked", "turned": "left out", "rows_touched": 1_500, "members": 9}
    silent = dict.fromkeys([*told, *excess], None)
    rows = [
        {"rule": "st", **line, "members_change": 3, "rank_ic_change_common": 0.0, "note": None, **told, **excess},
        {"rule": "no_volume", **line, "members_change": 0, "note": "<no model>", **silent},
    ]
    return CleaningEffect.validate(pl.DataFrame(rows, infer_schema_length=None), cast=True)


def test_rows_changes_and_reasons_are_told_and_text_is_escaped(counts: pl.DataFrame, effect: pl.DataFrame) -> None:
    text = cleaning_page(counts, effect)
    assert "1,500" in text
    assert "7.5" in text, "1,500 of 20,000 rows of the main board"
    assert "-0.0044 [-0.0063, -0.0024]" in text
    assert "-6.8 [-12.0, -1.6]" in text
    assert "&lt;no model&gt;" in text
    assert WARNING in text
    assert text.count("data:image/png") == 2


def test_a_market_in_which_no_rule_touched_anything_has_a_page_too(counts: pl.DataFrame, effect: pl.DataFrame) -> None:
    text = cleaning_page(counts.clear(), effect)
    assert text.count("data:image/png") == 1
