from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.sources.vendors.arrival import ZONE, month_end, months_between
from assets.sources.vendors.raw_cache import Call, RawCache, cache_folder

ASKED = datetime(2026, 10, 16, 21, tzinfo=ZONE)
TODAY = date(2026, 10, 16)
CALL = Call("daily", "sh600000", (date(2026, 9, 1), date(2026, 9, 30)))
ANSWER = pl.DataFrame({"开盘": ["10.1", None], "收盘": ["10.2", "1"]})


def months(*dates: tuple[int, int]) -> list[date]:
    return [date(year, month, 1) for year, month in dates]


def hold(cache: RawCache, first: date, last: date, subject: str = "sh600000") -> None:
    cache.keep(Call("daily", subject, (first, last)), ANSWER, ASKED)


def test_an_answer_comes_back_as_it_was_with_the_time_of_asking(tmp_path):
    cache = RawCache(tmp_path)
    path = cache.keep(CALL, ANSWER, ASKED)
    assert pl.read_parquet(path).equals(ANSWER)
    assert (cache.note(CALL).asked_at, cache.note(CALL).rows) == (ASKED, 2)


def test_an_empty_answer_is_kept_too(tmp_path):
    cache = RawCache(tmp_path)
    path = cache.keep(CALL, ANSWER.clear(), ASKED)
    assert cache.note(CALL).rows == 0
    assert pl.read_parquet(path).columns == ["开盘", "收盘"]


def test_a_file_that_cannot_be_read_counts_as_not_kept(tmp_path):
    cache = RawCache(tmp_path)
    path = cache.keep(CALL, ANSWER, ASKED)
    path.write_bytes(path.read_bytes()[:50])
    assert cache.note(CALL) is None
    assert RawCache(tmp_path / "elsewhere").note(CALL) is None


def test_a_write_that_breaks_off_leaves_the_old_answer_and_no_draft(tmp_path, monkeypatch):
    cache = RawCache(tmp_path)
    path = cache.keep(CALL, ANSWER, ASKED)

    def torn(self, file, **settings):
        file.write(b"PAR1 and then the power fails")
        raise KeyboardInterrupt

    monkeypatch.setattr(pl.DataFrame, "write_parquet", torn)
    with pytest.raises(KeyboardInterrupt):
        cache.keep(CALL, ANSWER.head(1), ASKED)
    monkeypatch.undo()
    assert pl.read_parquet(path).equals(ANSWER)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("subject", ["../../etc", "a/b", ""])
def test_a_subject_cannot_leave_the_folder(subject):
    with pytest.raises(ValueError, match="cannot name a file"):
        Call("daily", subject)


def test_the_first_time_past_months_are_asked_ten_years_at_once_and_the_present_month_apart(tmp_path):
    spans = RawCache(tmp_path).spans_to_hold("daily", "sh600000", date(2012, 1, 4), date(2030, 1, 1), TODAY)
    assert spans == [
        (date(2012, 1, 1), date(2021, 12, 31)),
        (date(2022, 1, 1), date(2026, 9, 30)),
        (date(2026, 10, 1), date(2026, 10, 31)),
    ]


def test_only_months_that_are_not_kept_are_added_on_either_side(tmp_path):
    cache = RawCache(tmp_path)
    hold(cache, date(2015, 1, 1), date(2015, 12, 31))
    hold(cache, date(2016, 1, 1), date(2016, 12, 31), subject="sh600001")
    spans = cache.spans_to_hold("daily", "sh600000", date(2014, 6, 1), date(2016, 2, 3), TODAY)
    assert spans == [
        (date(2014, 6, 1), date(2014, 12, 31)),
        (date(2015, 1, 1), date(2015, 12, 31)),
        (date(2016, 1, 1), date(2016, 2, 29)),
    ]


def test_a_span_that_does_not_touch_the_wanted_days_is_left_out(tmp_path):
    cache = RawCache(tmp_path)
    hold(cache, date(2015, 1, 1), date(2015, 12, 31))
    spans = cache.spans_to_hold("daily", "sh600000", date(2016, 1, 1), date(2016, 1, 5), TODAY)
    assert spans == [(date(2016, 1, 1), date(2016, 1, 31))]


def test_nothing_is_held_of_what_has_not_begun(tmp_path):
    assert RawCache(tmp_path).spans_to_hold("daily", "a", date(2026, 11, 1), date(2026, 12, 1), TODAY) == []


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), max_size=4), st.integers(0, 40), st.integers(0, 20))
def test_spans_cover_the_wanted_months_once_where_kept_ones_do_not_overlap(tmp_path_factory, held, start, length):
    cache = RawCache(tmp_path_factory.mktemp("cache"))
    axis = months_between(date(2023, 1, 1), date(2029, 1, 1))
    taken: set[date] = set()
    for begin, more in held:
        block = axis[begin : begin + more + 1]
        if not taken & set(block) and block[-1] < date(2026, 10, 1):
            taken |= set(block)
            hold(cache, block[0], month_end(block[-1]))
    first, last = axis[start], axis[start + length]
    spans = cache.spans_to_hold("daily", "sh600000", first, last, TODAY)
    covered = [month for span in spans for month in months_between(*span)]
    assert len(covered) == len(set(covered))
    assert set(covered) >= {month for month in months_between(first, last) if month <= TODAY}
    assert set(covered) - taken <= set(months_between(first, last))


def test_the_folder_comes_from_the_environment(tmp_path, monkeypatch):
    assert cache_folder("vendor") == (tmp_path / "raw_cache" / "vendor").resolve()
    monkeypatch.delenv("KINDLING_RAW_CACHE")
    monkeypatch.setenv("KINDLING_HOME", str(tmp_path / "home"))
    assert cache_folder("vendor") == (tmp_path / "home" / "raw_cache" / "vendor").resolve()
    monkeypatch.delenv("KINDLING_HOME")
    assert cache_folder("vendor") == Path(__file__).resolve().parents[3] / ".kindling" / "raw_cache" / "vendor"
