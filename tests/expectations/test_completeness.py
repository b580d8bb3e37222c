from datetime import date

import polars as pl

from expectations.completeness import counts
from expectations.evidence import COUNTS


def rows(*sessions):
    ids = [f"s{i}" for i in range(len(sessions))]
    return pl.DataFrame(
        {"session": sessions, "security_id": ids}, schema={"session": pl.Date, "security_id": pl.String}
    )


JANUARY, MARCH = date(2015, 1, 5), date(2015, 3, 2)


def test_raw_rows_are_kept_or_refused_and_the_rest_is_unaccounted():
    raw = rows(JANUARY, JANUARY, JANUARY, JANUARY)
    found = counts(raw, raw.head(2), raw.tail(1))
    assert found.schema == COUNTS
    assert found.rows() == [("2015-01", 4, 2, 1, 1, 0.25, 1)]


def test_a_month_without_rows_and_rows_without_a_session_are_shown():
    raw = rows(JANUARY, MARCH, None)
    found = counts(raw, raw.head(2), raw.tail(1))
    assert found["month"].to_list() == ["2015-01", "2015-02", "2015-03", "undated"]
    assert found["sessions"].to_list() == [1, 0, 1, 0]
    assert found["rows_unaccounted"].to_list() == [0, 0, 0, 0]


def test_a_row_that_cleaning_added_is_not_counted_as_kept():
    raw = rows(JANUARY)
    bars = rows(JANUARY, JANUARY)
    assert counts(raw, bars, raw.clear())["rows_kept"].to_list() == [1]
