from datetime import date, datetime

import polars as pl
import pytest

from benchmarks.whole_replay import whole_replay
from expectations.decisions import decision_instant, decisions
from expectations.evidence import FUTURE_PERTURBATION
from tests.year_of_bars import CLOSE, LEAKS

TARGETS = frozenset({"targets/labels"})


@pytest.fixture(scope="module")
def perturb(raw, features, labels):
    """Evidence for the honest tables with further columns or other tables put in."""

    def run(columns=None, tables=None, static=frozenset(), n=4, of_facts=frozenset()):
        def replay(raw_tables):
            bars = raw_tables["raw/bars"]
            honest = {"features/honest": features(bars), "targets/labels": labels(bars)}
            planted = bars.sort("security_id", "session").select("session", "security_id", **(columns or {}))
            more = {name: make(bars) for name, make in (tables or {}).items()}
            return honest | ({"features/planted": planted} if columns else {}) | more

        instants = decisions(raw["session"].unique().to_list(), n)
        return whole_replay(replay, {"raw/bars": raw}, instants, TARGETS, 0, static, of_facts)

    return run


def failing(evidence):
    return set(evidence.filter(~pl.col("passed")).select("table", "column").iter_rows())


def test_honest_features_and_labels_pass_and_follow_the_future(perturb):
    evidence = perturb(n=8)
    assert evidence.schema == FUTURE_PERTURBATION
    assert evidence["passed"].all()
    assert evidence["decided_at"].n_unique() == 8
    assert evidence["rows_compared"].min() > 0
    asked = evidence.filter(pl.col("alive").is_not_null())
    assert set(asked["column"]) == {"close_mean_3d", "return_1d", "volume_rank", "forward_return"}
    assert asked["alive"].all()


PLANTED = LEAKS | {
    "turnover_rank": pl.col("volume").mean().over("security_id").rank("dense"),
    "row_order": pl.int_range(pl.len()).cast(pl.Float64),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_leak_is_found_and_named(perturb, name):
    evidence = perturb({"honest": CLOSE.shift(1).over("security_id"), name: PLANTED[name]})
    assert failing(evidence) == {("features/planted", name)}
    found = evidence.filter(~pl.col("passed"))
    assert (found["rows_changed"] > 0).all()
    assert found["first_example"].str.contains(r"^sz0000\d\d 2015-\d\d-\d\d: .* before, .* after$").all()


def test_the_size_and_the_place_of_a_leak_are_shown(perturb):
    evidence = perturb({"tomorrow": CLOSE.shift(-1).over("security_id")}).filter(column="tomorrow")
    for row in evidence.iter_rows(named=True):
        assert 0 < row["rows_changed"] <= 12
        assert str(row["decided_at"].date()) in row["first_example"]
        assert row["worst_difference"] > 0.1


def test_rows_that_depend_on_the_future_are_found(perturb):
    def survivors(bars):
        last = bars["session"].max()
        stay = bars.filter((pl.col("session") == last) & ~pl.col("is_suspended"))["security_id"]
        return bars.filter(pl.col("security_id").is_in(stay.implode())).select("session", "security_id", "close")

    evidence = perturb(tables={"features/survivors": survivors})
    assert failing(evidence) == {("features/survivors", "(rows)")}
    rows = evidence.filter(table="features/survivors", column="(rows)")
    assert (rows["rows_missing"] > 0).any()
    assert rows.filter(pl.col("rows_missing") > 0)["first_example"].str.ends_with("row missing").all()


def test_rows_that_the_future_adds_are_found(perturb):
    def listed_or_coming(bars):
        names = bars.select(pl.col("security_id").unique())
        return bars.select(pl.col("session").unique()).join(names, how="cross").with_columns(flag=1.0)

    evidence = perturb(tables={"features/listed": listed_or_coming})
    assert failing(evidence) == {("features/listed", "(rows)")}
    assert (evidence.filter(table="features/listed", column="(rows)")["rows_added"] > 0).all()


def test_a_constant_or_calendar_feature_is_reported_not_alive_unless_it_is_declared_static(perturb):
    columns = {"constant": pl.lit(1.0), "weekday": pl.col("session").dt.weekday(), "close": CLOSE}
    evidence = perturb(columns, static=frozenset({"features/planted.weekday"})).filter(table="features/planted")
    assert evidence["passed"].all()
    alive = {name: found["alive"].to_list() for (name,), found in evidence.group_by("column")}
    assert alive == {"(rows)": [None] * 4, "constant": [False] * 4, "weekday": [None] * 4, "close": [True] * 4}
    assert (
        perturb(columns, static=frozenset({"features/planted"}))
        .filter(table="features/planted")["alive"]
        .is_null()
        .all()
    )


def test_a_table_of_facts_is_excused_where_a_column_has_one_value_and_only_there(perturb):
    started = pl.col("session") > pl.col("session").min()
    columns = {"untold": pl.when(started).then(0.0), "weekday": pl.col("session").dt.weekday(), "close": CLOSE}
    evidence = perturb(columns, of_facts=frozenset({"features/planted"})).filter(table="features/planted")
    alive = {name: found["alive"].to_list() for (name,), found in evidence.group_by("column")}
    assert alive == {"(rows)": [None] * 4, "untold": [None] * 4, "weekday": [False] * 4, "close": [True] * 4}


def test_a_label_that_ignores_the_future_is_reported_dead(perturb, labels):
    def backward(bars):
        past = bars.sort("security_id", "session").select(
            "session", "security_id", past=(CLOSE / CLOSE.shift(5) - 1).over("security_id")
        )
        return labels(bars).join(past, on=["session", "security_id"]).with_columns(forward_return="past").drop("past")

    evidence = perturb(tables={"targets/labels": backward}).filter(column="forward_return")
    assert evidence["passed"].all()
    assert evidence["alive"].to_list() == [False] * 4
    assert (evidence["rows_later"] > 0).all()


def test_a_settled_label_that_still_moves_is_found(perturb, labels):
    def demeaned(bars):
        return labels(bars).with_columns(pl.col("forward_return") - pl.col("forward_return").mean())

    assert failing(perturb(tables={"targets/labels": demeaned})) == {("targets/labels", "forward_return")}


def test_a_leak_of_a_late_row_is_found_in_the_session_itself(raw, features):
    hour = decision_instant(date(2015, 7, 1), 15)
    evidence = whole_replay(
        lambda raws: {"features/honest": features(raws["raw/bars"])}, {"raw/bars": raw}, [hour], frozenset(), 0
    )
    assert not evidence.filter(column="close_mean_3d")["passed"].item()


def test_tables_that_cannot_be_compared_are_refused(raw, perturb, features):
    with pytest.raises(ValueError, match=r"targets/other.*not among the replayed"):
        whole_replay(
            lambda raws: {"t": raws["raw/bars"]},
            {"raw/bars": raw},
            [decision_instant(date(2015, 7, 1), 20)],
            TARGETS | {"targets/other"},
            0,
        )
    with pytest.raises(ValueError, match=r"targets/labels.*have no column 'exited_at'"):
        perturb(tables={"targets/labels": features})
    with pytest.raises(ValueError, match="no decision instant"):
        whole_replay(lambda raws: {}, {"raw/bars": raw}, [], frozenset(), 0)
    with pytest.raises(ValueError, match="features/wide: the table or a column is gone"):
        perturb(
            tables={"features/wide": lambda bars: bars.head(500).pivot("security_id", index="session", values="close")}
        )
    with pytest.raises(ValueError, match="no time zone"):
        whole_replay(lambda raws: {"t": raws["raw/bars"]}, {"raw/bars": raw}, [datetime(2015, 7, 1)], frozenset(), 0)
