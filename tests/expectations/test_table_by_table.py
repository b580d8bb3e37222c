from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from expectations.decisions import decisions
from expectations.evidence import FUTURE_PERTURBATION
from expectations.table_by_table import Step, table_by_table
from pipelines.replay import stored_in
from tests.year_of_bars import CLOSE, LEAKS

LOOK_BACK = 5


def planted(**columns):
    """A feature table of some columns of the sorted bars."""

    def make(raw):
        bars = raw.collect().sort("security_id", "session")
        return bars.select("session", "security_id", **columns).sort("session", "security_id")

    return Step("features/planted", make, {"raw": "raw/bars"}, {"raw": LOOK_BACK})


def walked(raw, *steps, stored=None, n=4, more=None, of_facts=frozenset()):
    """Evidence on steps whose tables are stored as the steps make them of everything, or as given."""
    frames = {"raw/bars": raw, **(more or {})}
    for step in steps:
        frames[step.key] = step.make(**{name: frames[key].lazy() for name, key in step.reads.items()})
    sessions = raw["session"].unique().sort().to_list()
    at = decisions(sessions, n)
    return table_by_table(steps, stored_in({**frames, **(stored or {})}), sessions, at, 0, of_facts)


def failing(evidence):
    return set(evidence.filter(~pl.col("passed")).select("table", "column").iter_rows())


def of(make, **rest):
    return Step(reads={"raw": "raw/bars"}, make=lambda raw: make(raw.collect()), **rest)


def test_honest_tables_pass_and_follow_the_future(raw, features, labels):
    evidence = walked(
        raw,
        of(features, key="features/honest", look_back={"raw": LOOK_BACK}),
        of(labels, key="targets/labels", look_back={}, is_target=True),
        n=8,
    )
    assert evidence.schema == FUTURE_PERTURBATION
    assert evidence["passed"].all()
    assert evidence["decided_at"].n_unique() == 8
    assert evidence["rows_compared"].min() > 0
    asked = evidence.filter(pl.col("alive").is_not_null())
    assert set(asked["column"]) == {"close_mean_3d", "return_1d", "volume_rank", "forward_return"}
    assert asked["alive"].all()


PLANTED = LEAKS | {
    "next_quarter": CLOSE.shift(-60).over("security_id"),
    "longer_than_declared": CLOSE.rolling_mean(LOOK_BACK + 3, min_samples=1).over("security_id"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_leak_is_found_and_named(raw, name):
    evidence = walked(raw, planted(honest=CLOSE.shift(1).over("security_id"), leak=PLANTED[name]))
    assert failing(evidence) == {("features/planted", "leak")}
    found = evidence.filter(~pl.col("passed"))
    assert found["first_example"].str.contains(r"^sz0000\d\d 2015-\d\d-\d\d: .* before, .* after$").all()


def test_a_leak_of_one_table_is_named_there_and_not_in_those_that_read_it(raw):
    after = Step(
        "features/after",
        lambda planted: planted.collect().with_columns(pl.col("leak") * 2),
        {"planted": "features/planted"},
        {},
    )
    assert failing(walked(raw, planted(leak=LEAKS["tomorrow"]), after)) == {("features/planted", "leak")}


def test_rows_that_depend_on_the_future_are_found(raw):
    def survivors(bars):
        last = bars.group_by("security_id").agg(pl.col("session").max())
        stay = last.filter(pl.col("session") == pl.col("session").max())["security_id"]
        return bars.filter(pl.col("security_id").is_in(stay.implode())).select("session", "security_id", "close")

    ended = raw.filter((pl.col("security_id") != "sz000003") | (pl.col("session") < date(2015, 11, 2)))
    evidence = walked(ended, of(survivors, key="cleaning/universe", look_back={}))
    assert failing(evidence) == {("cleaning/universe", "(rows)")}
    assert (evidence.filter(column="(rows)")["rows_added"] > 0).any()


def test_a_stored_table_that_today_s_code_would_not_make_is_found(raw):
    step = planted(close=CLOSE)
    stale = step.make(raw.lazy()).with_columns(close=pl.col("close") + 0.01 * (pl.col("session") > date(2015, 6, 1)))
    assert failing(walked(raw, step, stored={"features/planted": stale})) == {("features/planted", "close")}


def test_a_leak_of_a_late_row_is_found_in_the_session_itself(raw, features):
    step = of(features, key="features/honest", look_back={"raw": LOOK_BACK})
    late = raw.with_columns(available_at=pl.col("available_at") + timedelta(hours=5))
    assert ("features/honest", "close_mean_3d") in failing(walked(late, step))


def test_a_label_that_ignores_the_future_is_reported_dead_and_a_settled_one_that_moves_is_found(raw, labels):
    def demeaned(bars):
        return labels(bars).with_columns(pl.col("forward_return") - pl.col("forward_return").mean())

    def backward(bars):
        return labels(bars).with_columns(forward_return=pl.lit(0.5))

    found, dead = (
        walked(raw, of(make, key="targets/labels", look_back={}, is_target=True)) for make in (demeaned, backward)
    )
    assert failing(found) == {("targets/labels", "forward_return")}
    assert dead["passed"].all()
    assert dead.filter(column="forward_return")["alive"].to_list() == [False] * 4


def facts() -> pl.DataFrame:
    """Two revisions of one item a quarter and security, the second two months after the first."""
    rows = [
        (f"sz{number:06d}", date(2015, month, 1), revision, 100.0 * month + revision + number)
        for number in range(12)
        for month in range(1, 9)
        for revision in (0, 1)
    ]
    frame = pl.DataFrame(rows, ["security_id", "period_end", "revision", "value"], orient="row")
    day = pl.col("period_end").dt.offset_by("20d").dt.offset_by(pl.format("{}mo", pl.col("revision") * 2))
    at = day.dt.combine(datetime(2015, 1, 1, 18).time()).dt.replace_time_zone("Asia/Shanghai")
    return frame.with_columns(known_on=day, available_at=at)


def admitted(make):
    return Step(
        "cleaning/statements",
        lambda told: make(told.collect()),
        {"told": "raw/statements"},
        {"told": 10_000},
        is_keyed=False,
    )


def test_facts_are_compared_row_by_row(raw):
    more = {"raw/statements": facts()}
    assert failing(walked(raw, admitted(lambda told: told), more=more)) == set()

    def latest_value(told):
        return told.with_columns(pl.col("value").sort_by("revision").last().over("security_id", "period_end"))

    evidence = walked(raw, admitted(latest_value), more=more)
    assert failing(evidence) == {("cleaning/statements", "(rows)")}
    assert evidence["first_example"].drop_nulls().str.contains("sz0000").all()
    assert evidence["rows_compared"].min() > 0


def test_a_table_of_facts_is_excused_where_a_column_has_one_value_and_only_there(raw):
    columns = {"untold": pl.lit(0.0), "weekday": pl.col("session").dt.weekday(), "close": CLOSE}
    evidence = walked(raw, planted(**columns), of_facts=frozenset({"features/planted"}))
    alive = {name: set(found["alive"].to_list()) for (name,), found in evidence.group_by("column")}
    assert alive == {"(rows)": {None}, "untold": {None}, "weekday": {False}, "close": {True}}


def test_a_table_that_cannot_be_compared_and_no_decision_are_refused(raw):
    step = planted(close=CLOSE)
    narrow = step.make(raw.lazy()).drop("close")
    with pytest.raises(ValueError, match=r"features/planted: stored are .*, made again are .*'close'"):
        walked(raw, step, stored={"features/planted": narrow})
    with pytest.raises(ValueError, match="no decision instant"):
        table_by_table([step], stored_in({}), [], [], 0)
    twice = replace(step, make=lambda raw: pl.concat([step.make(raw)] * 2))
    with pytest.raises(ValueError, match="two rows of"):
        walked(raw, twice)
