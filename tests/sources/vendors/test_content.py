import os
from datetime import date

import polars as pl

from assets.sources.vendors.content import Content, month_digests, stamps

JAN, FEB = date(2020, 1, 1), date(2020, 2, 1)


def digests(rows, made_from=(("a", 1, 1),)):
    return month_digests(Content("{}", "raw/bars", (JAN, FEB), made_from, lambda: rows, "session"))


def test_a_digest_is_that_of_the_rows_of_its_month():
    rows = pl.DataFrame({"session": [date(2020, 1, 5), date(2020, 2, 5)], "close": [1.0, 2.0]})
    before = digests(rows, (("a", 1, 1),))
    after = digests(rows.with_columns(close=pl.Series([1.0, 3.0])), (("a", 2, 1),))
    assert (before[JAN] == after[JAN], before[FEB] == after[FEB]) == (True, False)
    assert digests(rows, (("a", 3, 1),)) == before


def test_rows_are_made_again_only_when_a_file_changed():
    made = []

    def rows() -> pl.DataFrame:
        made.append(None)
        return pl.DataFrame({"session": [JAN]})

    for made_from in ((("b", 1, 1),), (("b", 1, 1),), (("b", 1, 2),)):
        month_digests(Content("{}", "raw/bars", (JAN,), made_from, rows, "session"))
    assert len(made) == 2


def test_a_stamp_changes_with_the_time_or_the_size_of_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_text("1")
    os.utime(path, ns=(10, 10))
    before = stamps([path])
    assert stamps([path]) == before
    os.utime(path, ns=(10, 11))
    assert stamps([path]) != before
