from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from assets.folds.walk_forward import Fold, WalkForwardSpec, begun, due, folds, scheme, segments, start_months
from expectations.leakage import purge

SHANGHAI = ZoneInfo("Asia/Shanghai")
HALF_YEARS = WalkForwardSpec(first_test=date(2015, 1, 1), train="24mo", valid="6mo", test="6mo")


def spec(**changed):
    return WalkForwardSpec.model_validate(HALF_YEARS.model_dump() | changed)


def closing(day: date) -> datetime:
    return datetime.combine(day, time(15), SHANGHAI)


def decision(day: date, hour: int = 20) -> datetime:
    return datetime.combine(day, time(hour), SHANGHAI)


def labels_of(intervals: list[tuple[date, date | None]]) -> pl.DataFrame:
    rows = [
        {"session": session, "security_id": f"s{i}", "exited_at": None if left is None else closing(left)}
        for i, (session, left) in enumerate(intervals)
    ]
    kinds = {"session": pl.Date, "security_id": pl.String, "exited_at": pl.Datetime("us", "Asia/Shanghai")}
    return pl.DataFrame(rows, schema=kinds)


def test_windows_follow_each_other_and_step_by_the_test_length():
    found = folds(HALF_YEARS, date(2012, 1, 4), date(2016, 3, 31))
    assert found[0] == Fold("2015-01-01", date(2012, 7, 1), date(2014, 7, 1), date(2015, 1, 1), date(2015, 7, 1))
    assert [fold.key for fold in found] == ["2015-01-01", "2015-07-01"]
    assert all(before.test_end == after.test_start for before, after in pairwise(found))


@pytest.mark.parametrize(
    ("last", "keys"),
    [
        (date(2015, 6, 30), 1),
        (date(2015, 6, 26), 1),
        (date(2015, 6, 19), 0),
        (date(2015, 12, 31), 2),
        (date(2016, 1, 4), 2),
    ],
)
def test_the_last_window_lies_in_the_span_but_for_a_holiday_at_its_end(last, keys):
    if keys:
        assert len(folds(HALF_YEARS, date(2012, 1, 4), last)) == keys
    else:
        with pytest.raises(ValueError, match=r"no test window is covered.*2015-07-01.*2015-06-19"):
            folds(HALF_YEARS, date(2012, 1, 4), last)


def test_a_live_source_also_has_the_current_window():
    found = folds(HALF_YEARS, date(2012, 1, 4), date(2015, 9, 3), end_offset=1)
    assert [fold.key for fold in found] == ["2015-01-01", "2015-07-01"]


def test_a_start_without_training_data_is_refused_with_the_dates_and_the_way_out():
    with pytest.raises(ValueError, match=r"2012-07-01.*2013-01-04.*earliest first_test is 2015-07-01"):
        folds(HALF_YEARS, date(2013, 1, 4), date(2018, 12, 28))
    assert folds(spec(first_test=date(2015, 7, 1)), date(2013, 1, 4), date(2018, 12, 28))


def test_the_earliest_start_that_the_message_offers_is_accepted():
    for day in (date(2013, 1, 1), date(2013, 1, 10), date(2013, 1, 11), date(2013, 1, 12), date(2013, 1, 31)):
        with pytest.raises(ValueError, match="earliest") as refusal:
            folds(spec(first_test=date(2014, 1, 1)), day, date(2018, 12, 28))
        offered = date.fromisoformat(str(refusal.value).split("earliest first_test is ")[1][:10])
        assert folds(spec(first_test=offered), day, date(2018, 12, 28))


@pytest.mark.parametrize("length", ["0mo", "-3mo", "6", "6m", "1.5mo", "", "06mo"])
@pytest.mark.parametrize("name", ["train", "valid", "test"])
def test_a_length_that_is_no_number_of_months_is_refused_by_name(name, length):
    with pytest.raises(ValidationError, match=rf"{name} is '{length}'"):
        spec(**{name: length})


def test_impossible_settings_are_refused_by_name():
    with pytest.raises(ValidationError, match=r"first_test is 2015-01-05.*2015-01-01 or 2015-02-01"):
        spec(first_test=date(2015, 1, 5))
    with pytest.raises(ValidationError, match=r"test is '5mo'.*1, 2, 3, 4, 6 or 12mo"):
        spec(test="5mo")
    with pytest.raises(ValidationError, match=r"embargo\n.*Extra inputs"):
        spec(embargo="1mo")


def test_a_scheme_names_the_grid_of_keys_and_not_the_training_windows():
    assert scheme(HALF_YEARS) == scheme(spec(train="36mo", valid="3mo")) == "6mo_from_2015_01"
    assert scheme(HALF_YEARS) != scheme(spec(first_test=date(2015, 3, 1)))
    assert start_months(HALF_YEARS) == (1, 7)
    assert start_months(spec(first_test=date(2015, 12, 1), test="4mo")) == (4, 8, 12)


def test_a_fold_is_due_once_bars_reach_its_test_window():
    fold = folds(HALF_YEARS, date(2012, 1, 4), date(2015, 12, 31))[1]
    assert not due(fold, date(2015, 6, 30))
    assert due(fold, date(2015, 7, 1))


def test_a_label_that_ends_at_the_first_decision_is_purged_and_one_that_ends_before_it_stays():
    fold = Fold("2015-03-01", date(2015, 1, 1), date(2015, 2, 1), date(2015, 3, 1), date(2015, 4, 1))
    labels = labels_of(
        [
            (date(2014, 12, 31), date(2015, 1, 8)),
            (date(2015, 1, 26), date(2015, 1, 30)),
            (date(2015, 1, 26), date(2015, 2, 2)),
            (date(2015, 1, 26), date(2015, 2, 3)),
            (date(2015, 1, 26), None),
            (date(2015, 2, 2), date(2015, 2, 9)),
            (date(2015, 2, 26), date(2015, 3, 3)),
            (date(2015, 2, 26), None),
            (date(2015, 3, 2), None),
            (date(2015, 4, 1), date(2015, 4, 8)),
        ]
    )
    late = ["outside", "train", "train", "purged", "purged", "valid", "purged", "purged", "test", "outside"]
    assert segments(labels, fold, 20)["segment"].to_list() == late
    at_close = [*late[:2], "purged", *late[3:]]
    assert segments(labels, fold, 15)["segment"].to_list() == at_close


@st.composite
def worlds(draw):
    step = draw(st.sampled_from([1, 2, 3]))
    settings_ = {"train": f"{draw(st.integers(1, 4))}mo", "valid": f"{draw(st.integers(1, 2))}mo", "test": f"{step}mo"}
    first_test = date(2016, draw(st.integers(1, 12)), 1)
    walk = WalkForwardSpec(first_test=first_test, **settings_)
    days = [date(2015, 6, 1) + timedelta(days=i) for i in range(720)]
    closed = draw(st.sets(st.integers(0, 719), max_size=30))
    sessions = [day for i, day in enumerate(days) if day.weekday() < 5 and i not in closed]
    horizon = draw(st.integers(1, 10))
    stretches = draw(st.lists(st.one_of(st.none(), st.integers(0, 40)), min_size=7, max_size=11))
    intervals = []
    for place, session in enumerate(sessions):
        stretch = stretches[place % len(stretches)] if place % 3 == 0 else 0
        left = None if stretch is None else place + 1 + horizon + stretch
        intervals.append((session, sessions[left] if left is not None and left < len(sessions) else None))
    return walk, labels_of(intervals), draw(st.integers(15, 23))


@settings(max_examples=50, deadline=None)
@given(worlds())
def test_every_kept_label_ends_before_the_next_window_decides(world):
    walk, labels, hour = world
    for fold in folds(walk, date(2015, 6, 1), date(2017, 3, 31)):
        judged = segments(labels, fold, hour)
        of = {name: judged.filter(segment=name) for name in ("train", "valid", "test", "purged")}
        opens = {name: decision(of[name]["session"].min(), hour) for name in ("valid", "test") if of[name].height}
        for before, after in (("train", "valid"), ("train", "test"), ("valid", "test")):
            assert not of[before]["exited_at"].has_nulls()
            if of[before].height and after in opens:
                assert of[before]["exited_at"].max() < opens[after]
        assert judged["segment"].to_list() == expected(labels, fold, hour)
        shown = purge(judged, fold, hour)
        assert shown.filter(pl.col("rows_before") > 0)["passed"].all()


def expected(labels: pl.DataFrame, fold: Fold, hour: int) -> list[str]:
    """The segments again, in plain loops."""
    sessions = labels["session"].to_list()
    starts = {"train": fold.train_start, "valid": fold.valid_start, "test": fold.test_start}
    following = {"train": "valid", "valid": "test"}
    opens = {name: decision(min(day for day in sessions if day >= start), hour) for name, start in starts.items()}
    found = []
    for session, left in zip(sessions, labels["exited_at"], strict=True):
        windows = [name for name, start in starts.items() if start <= session < fold.test_end]
        name = windows[-1] if windows else "outside"
        is_open = name in following and (left is None or left >= opens[following[name]])
        found.append("purged" if is_open else name)
    return found


def test_a_source_that_goes_on_has_the_fold_that_its_bars_have_come_to_and_no_later_one():
    spec = WalkForwardSpec(first_test=date(2015, 1, 1), train="12mo", valid="3mo", test="3mo")
    first = date(2013, 10, 8)
    whole = [fold.key for fold in folds(spec, first, date(2015, 8, 31))]
    assert whole == ["2015-01-01", "2015-04-01"]
    assert [fold.key for fold in begun(spec, first, date(2015, 8, 31))] == [*whole, "2015-07-01"]
    # Ten days before a window ends it is whole for an archive; nobody has come to the next one yet.
    assert [fold.key for fold in begun(spec, first, date(2015, 6, 29))] == whole
    assert [fold.key for fold in begun(spec, first, date(2015, 1, 1))] == whole[:1]
    with pytest.raises(ValueError, match="no test window has begun: the first starts on 2015-01-01"):
        begun(spec, first, date(2014, 12, 31))
