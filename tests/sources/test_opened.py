from datetime import date

import polars as pl
import pytest

from assets.sources.opened import BEYOND, collected, columns_of, listed, opened, reopened, shut, text_of


def test_a_csv_line_keeps_what_lies_beyond_the_header(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n1,2,3,4\n5\n1,2,\n")
    file = opened(tmp_path / "a.csv")
    assert columns_of(file) == ["a", "b"]
    assert file.collect().rows() == [("1", "2", None), ("1", "2", "3"), ("5", None, None), ("1", "2", None)]
    assert file.select(BEYOND).collect().to_series().to_list() == [None, "3", None, None]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("价,b\n1,2\n".encode("gbk"), "not UTF-8"),
        (b'a,b\n"1,2\n3,4",5\n', "its 2 lines hold 1 rows"),
        (b'a,b\n"1","2, 3"\n', None),
    ],
)
def test_a_file_is_shut_for_what_would_lose_rows(tmp_path, content, said):
    (tmp_path / "a.csv").write_bytes(content)
    found = shut(tmp_path / "a.csv")
    assert found is None if said is None else said in str(found)


def test_an_error_of_reading_names_the_file(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"a.parquet cannot be read as parquet: .*Deliver it again"):
        reopened(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"b.csv cannot be read as csv: .*Deliver it again"):
        collected(pl.scan_csv(tmp_path / "b.csv", schema={"a": pl.String}), tmp_path / "b.csv")


def test_long_lists_are_shortened():
    assert listed(["a", "b"]) == "['a', 'b']"
    assert listed(["x" * 200] * 25) == f"{['x' * 80] * 20} and 5 more"


def test_a_date_that_no_calendar_has_is_shown_as_a_number():
    days = pl.DataFrame({"day": pl.Series([16587, 2**31 - 1], dtype=pl.Int32).cast(pl.Date)})
    assert days.select(text_of("day", pl.Date())).to_series().to_list() == [str(date(2015, 6, 1)), "2147483647"]
