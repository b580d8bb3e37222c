from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from expectations.decisions import decision_instant
from expectations.evidence import EXECUTION, FUTURE_PERTURBATION, PURGE, TIMESTAMP_ORDER
from expectations.leakage import decisions, execution, future_perturbation, purge, timestamp_order

CLOSE = pl.col("close")
TARGETS = frozenset({"targets/labels"})
SHANGHAI = ZoneInfo("Asia/Shanghai")


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
        return future_perturbation(replay, {"raw/bars": raw}, instants, TARGETS, 0, static, of_facts)

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


LEAKS = {
    "tomorrow": (CLOSE.shift(-1) / CLOSE - 1).over("security_id"),
    "whole_mean": CLOSE - CLOSE.mean().over("security_id"),
    "whole_panel": (CLOSE - CLOSE.mean()) / CLOSE.std(),
    "centred": CLOSE.rolling_mean(5, center=True, min_samples=1).over("security_id"),
    "filled_back": CLOSE.fill_null(strategy="backward").over("security_id"),
    "time_rank": CLOSE.rank().over("security_id"),
    "forward_adjusted": CLOSE * pl.col("adj_factor") / pl.col("adj_factor").last().over("security_id"),
    "others_tomorrow": CLOSE.mean().over("session").shift(-1).over("security_id"),
    "st_today": pl.col("is_st").last().over("security_id"),
    "turnover_rank": pl.col("volume").mean().over("security_id").rank("dense"),
    "row_order": pl.int_range(pl.len()).cast(pl.Float64),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_found_and_named(perturb, name):
    evidence = perturb({"honest": CLOSE.shift(1).over("security_id"), name: LEAKS[name]})
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
    evidence = future_perturbation(
        lambda raws: {"features/honest": features(raws["raw/bars"])}, {"raw/bars": raw}, [hour], frozenset(), 0
    )
    assert not evidence.filter(column="close_mean_3d")["passed"].item()


def test_tables_that_cannot_be_compared_are_refused(raw, perturb, features):
    with pytest.raises(ValueError, match=r"targets/other.*not among the replayed"):
        future_perturbation(
            lambda raws: {"t": raws["raw/bars"]},
            {"raw/bars": raw},
            [decision_instant(date(2015, 7, 1), 20)],
            TARGETS | {"targets/other"},
            0,
        )
    with pytest.raises(ValueError, match=r"targets/labels.*have no column 'exited_at'"):
        perturb(tables={"targets/labels": features})
    with pytest.raises(ValueError, match="no decision instant"):
        future_perturbation(lambda raws: {}, {"raw/bars": raw}, [], frozenset(), 0)
    with pytest.raises(ValueError, match="features/wide: the table or a column is gone"):
        perturb(
            tables={"features/wide": lambda bars: bars.head(500).pivot("security_id", index="session", values="close")}
        )
    with pytest.raises(ValueError, match="no time zone"):
        future_perturbation(
            lambda raws: {"t": raws["raw/bars"]}, {"raw/bars": raw}, [datetime(2015, 7, 1)], frozenset(), 0
        )


@dataclass(frozen=True)
class Windows:
    key: str = "2015-03-01"
    train_start: date = date(2015, 1, 1)
    valid_start: date = date(2015, 2, 1)
    test_start: date = date(2015, 3, 1)
    test_end: date = date(2015, 4, 1)


def segmented(*rows):
    exits = [None if left is None else datetime.combine(left, time(15), SHANGHAI) for _, left, _ in rows]
    return pl.DataFrame(
        {"session": [row[0] for row in rows], "exited_at": exits, "segment": [row[2] for row in rows]},
        schema={"session": pl.Date, "exited_at": pl.Datetime("us", "Asia/Shanghai"), "segment": pl.String},
    )


CLEAN = (
    (date(2015, 1, 20), date(2015, 1, 29), "train"),
    (date(2015, 1, 28), date(2015, 2, 4), "purged"),
    (date(2015, 2, 2), date(2015, 2, 9), "valid"),
    (date(2015, 3, 2), None, "test"),
)


def test_purged_windows_pass_with_the_gap_between_them():
    evidence = purge(segmented(*CLEAN), Windows(), 20)
    assert evidence.schema == PURGE
    assert evidence["boundary"].to_list() == ["train|valid", "train|test", "valid|test"]
    assert evidence["passed"].all()
    assert evidence["rows_purged"].to_list() == [1, 1, 0]
    assert evidence["gap_hours"][0] == 4 * 24 + 5


@pytest.mark.parametrize(
    ("row", "boundaries"),
    [
        ((date(2015, 1, 28), date(2015, 2, 4), "train"), {"train|valid"}),
        ((date(2015, 1, 28), date(2015, 3, 4), "train"), {"train|valid", "train|test"}),
        ((date(2015, 2, 26), date(2015, 3, 4), "valid"), {"valid|test"}),
        ((date(2015, 1, 28), None, "train"), {"train|valid", "train|test"}),
        ((date(2015, 2, 3), date(2015, 2, 10), "train"), {"train|valid", "train|test"}),
        ((date(2014, 12, 1), date(2014, 12, 8), "train"), {"train|valid", "train|test"}),
    ],
)
def test_a_label_that_reaches_over_a_boundary_is_found(row, boundaries):
    evidence = purge(segmented(*CLEAN, row), Windows(), 20)
    assert set(evidence.filter(~pl.col("passed"))["boundary"]) == boundaries


def test_a_boundary_with_nothing_before_it_shows_nothing_and_fails():
    assert purge(segmented(*CLEAN[2:]), Windows(), 20)["passed"].to_list() == [False, False, True]


def test_without_a_decision_after_it_a_boundary_is_the_calendar_start():
    evidence = purge(segmented(*CLEAN[:3]), Windows(), 20)
    assert evidence["first_decision"][2] == decision_instant(date(2015, 3, 1), 20)
    assert evidence["passed"].all()


def test_a_session_fails_when_one_bar_arrives_after_the_decision_or_at_an_unknown_time(raw):
    evidence = timestamp_order(raw, 20)
    assert evidence.schema == TIMESTAMP_ORDER
    assert evidence["passed"].all()
    assert evidence.height == 260
    assert timestamp_order(raw, 16)["passed"].all()
    assert not timestamp_order(raw, 15)["passed"].any()
    day = date(2015, 7, 1)
    one = (pl.col("session") == day) & (pl.col("security_id") == "sz000003")
    for instead in (datetime(2015, 7, 1, 21, tzinfo=SHANGHAI), None):
        moved = raw.with_columns(pl.when(~one).then("available_at").otherwise(pl.lit(instead)).alias("available_at"))
        assert timestamp_order(moved, 20).filter(~pl.col("passed"))["session"].to_list() == [day]


@pytest.fixture(scope="module")
def bars(raw):
    return raw.with_columns(
        vwap=pl.when(~pl.col("is_suspended")).then(pl.col("amount") / pl.col("volume")), is_locked_up=False
    )


def broken(labels, bars):
    return set(execution(labels, bars).filter(~pl.col("passed"))["rule"])


def test_labels_that_could_be_traded_pass(raw, labels, bars):
    evidence = execution(labels(raw), bars)
    assert evidence.schema == EXECUTION
    assert evidence["passed"].all()
    assert evidence["rows_checked"].min() > 0


def test_an_impossible_fill_is_found_by_its_rule(raw, labels, bars):
    honest = labels(raw)
    entry = honest.filter(security_id="sz000003")["entered_at"].drop_nulls()[20].date()
    at_entry = (pl.col("session") == entry) & (pl.col("security_id") == "sz000003")
    flagged = {flag: bars.with_columns(pl.col(flag) | at_entry) for flag in ("is_suspended", "is_locked_up")}
    assert broken(honest, flagged["is_suspended"]) == {"a buy fills only where there is trading"}
    assert broken(honest, flagged["is_locked_up"]) == {"a buy never fills at a locked upper limit"}
    assert broken(honest, bars.filter(~at_entry)) == {
        "a buy fills only where there is a bar", "a buy fills only where there is trading",
        "a buy never fills at a locked upper limit",
    }  # fmt: skip
    far = bars.with_columns(vwap=pl.when(at_entry).then(pl.col("high") + 0.01).otherwise("vwap"))
    assert broken(honest, far) == {"the vwap of a bar lies between its low and its high"}
    refused = honest.with_columns(status=pl.lit("refused_locked_up"))
    assert len(broken(refused, bars)) == 5


def test_a_round_trip_in_one_session_and_a_fill_at_the_decision_are_found(raw, labels, bars):
    honest = labels(raw)
    same_day = honest.with_columns(exited_at=pl.col("entered_at") + pl.duration(hours=5))
    assert broken(same_day, bars) == {"a position ends in a later session than it began"}
    at_once = honest.with_columns(
        entered_at=pl.col("session").dt.combine(time(15)).dt.replace_time_zone("Asia/Shanghai")
    )
    assert broken(at_once, bars) == {"a buy fills in a later session than its decision"}
    example = execution(at_once, bars)["first_example"][0]
    assert example == "sz000000 2015-01-05 horizon 5"
