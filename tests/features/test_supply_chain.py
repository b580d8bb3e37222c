import sys
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import assets.cleaning
from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.news import news
from assets.cleaning.supply_chain import supply_chain as edges
from assets.features.supply_chain import LOOK_BACK, SupplyChain, supply_chain
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from expectations.decisions import decision_instant
from expectations.facts import RawNews, RawSupplyChain
from expectations.tables import EXCHANGE_TIME_ZONE, RawBars
from pipelines.declared import in_order, modules_of
from pipelines.replay import another_future

NAMES = [name for name in SupplyChain.column_names() if name not in ("session", "security_id")]
RETURNS = [name for name in NAMES if not name.endswith(("count", "count_1d", "count_5d"))]
MOMENT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DATED = pl.Datetime("us", EXCHANGE_TIME_ZONE)


def weekdays(count):
    days = (date(2015, 1, 5) + timedelta(days=i) for i in range(2 * count))
    return [day for day in days if day.weekday() < 5][:count]


DAYS = weekdays(40)
A, B, C, D, FOREIGN = "sh600001", "sh600002", "sz000003", "sz000004", "hk00700"


def at(place):
    return decision_instant(DAYS[place], 20)


def bars_of(returns, days=DAYS, halted=()):
    """Bars with the given log returns of each security, which trades but for the (security, place) pairs `halted`."""
    rows = [
        {"session": day, "security_id": name, "close": float(close), "adj_factor": 2.0, "is_suspended": False}
        for name, own in returns.items()
        for place, (day, close) in enumerate(zip(days, np.exp(np.cumsum(own)), strict=True))
        if (name, place) not in halted
    ]
    return pl.DataFrame(rows)


def edges_of(*rows):
    schema = {"supplier_id": pl.String, "customer_id": pl.String, "weight": pl.Float64, "holds": pl.Boolean}
    return pl.DataFrame([list(row) for row in rows], schema=schema | {"available_at": DATED}, orient="row")


def news_of(*rows):
    schema = {"security_id": pl.String, "available_at": DATED}
    return pl.DataFrame([list(row) for row in rows], schema=schema, orient="row")


def computed(rows, ties, told=None, days=DAYS):
    told = news_of() if told is None else told
    sessions = pl.DataFrame({"session": days}, schema={"session": pl.Date})
    return SupplyChain.validate(supply_chain(rows.lazy(), sessions.lazy(), told.lazy(), ties.lazy()).collect())


def row(table, security, place):
    return table.row(by_predicate=(pl.col("security_id") == security) & (pl.col("session") == DAYS[place]), named=True)


@pytest.fixture(scope="module")
def returns():
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 0.02, len(DAYS)) for name in (A, B, C, D)}


def residuals_of(returns):
    own = np.array([returns[name] for name in (A, B, C, D)])
    return dict(zip((A, B, C, D), own - own.mean(axis=0), strict=True))


def test_every_mean_is_what_its_definition_says(returns):
    """C buys from A (.3) and B (.1): written out with plain slices at one session."""
    ties = edges_of((A, C, 0.3, True, at(0)), (B, C, 0.1, True, at(0)))
    table, left, t = computed(bars_of(returns), ties), residuals_of(returns), 30
    for side, buyer, mean in (("supplier", C, 0.75 * left[A] + 0.25 * left[B]), ("customer", A, left[C])):
        found = row(table, buyer, t)
        decay = 0.5 ** (np.arange(20) / 3)
        expected = {
            "residual_1d": mean[t],
            **{f"residual_1d_lag_{lag}d": mean[t - lag] for lag in range(1, 6)},
            "residual_5d": mean[t - 4 : t + 1].sum(),
            "residual_20d": mean[t - 19 : t + 1].sum(),
            "residual_half_life_3d": (decay * mean[t - 19 : t + 1][::-1]).sum() / decay.sum(),
            "gap_5d": (mean - left[buyer])[t - 4 : t + 1].sum(),
            "gap_20d": (mean - left[buyer])[t - 19 : t + 1].sum(),
        }
        assert {f"{side}_{name}" for name in expected} == {name for name in RETURNS if name.startswith(side)}
        for name, value in expected.items():
            assert found[f"{side}_{name}"] == pytest.approx(value, abs=1e-12), name
        other = "customer" if side == "supplier" else "supplier"
        assert all(found[name] is None for name in RETURNS if name.startswith(other))
    assert (row(table, C, t)["supplier_count"], row(table, C, t)["customer_count"]) == (2, 0)
    assert (row(table, A, t)["supplier_count"], row(table, A, t)["customer_count"]) == (0, 1)


@pytest.mark.parametrize(("after", "known"), [(timedelta(0), True), (MOMENT, False)])
def test_an_edge_counts_from_the_decision_that_knows_it(returns, after, known):
    table = computed(bars_of(returns), edges_of((A, C, 0.3, True, at(10) + after)))
    assert row(table, C, 9)["supplier_residual_1d"] is None
    assert (row(table, C, 10)["supplier_residual_1d"] is not None) == known
    assert row(table, C, 10)["supplier_count"] == int(known)
    assert row(table, C, 11)["supplier_residual_1d_lag_5d"] == pytest.approx(residuals_of(returns)[A][6], abs=1e-12)


@pytest.mark.parametrize(("after", "known"), [(timedelta(0), True), (MOMENT, False)])
def test_an_edge_that_ended_counts_no_more(returns, after, known):
    table = computed(bars_of(returns), edges_of((A, C, 0.3, True, at(2)), (A, C, None, False, at(10) + after)))
    assert row(table, C, 9)["supplier_count"] == 1
    assert row(table, C, 10)["supplier_count"] == int(not known)
    assert row(table, C, 11)["supplier_residual_5d"] is None


def test_a_changed_weight_counts_from_the_decision_that_knows_it(returns):
    ties = edges_of((A, C, 0.3, True, at(2)), (B, C, 0.3, True, at(2)), (B, C, 0.6, True, at(10) + MOMENT))
    table, left = computed(bars_of(returns), ties), residuals_of(returns)
    assert row(table, C, 10)["supplier_residual_1d"] == pytest.approx((left[A] + left[B])[10] / 2, abs=1e-12)
    assert row(table, C, 11)["supplier_residual_1d"] == pytest.approx((left[A] + 2 * left[B])[11] / 3, abs=1e-12)


def test_missing_weights_share_what_is_left(returns):
    """Of D's purchases A makes .6; B, C and a firm without bars share the other .4, a weight of 0 stays 0."""
    ties = edges_of(
        *((name, D, weight, True, at(0)) for name, weight in ((A, 0.6), (B, None), (C, None), (FOREIGN, None)))
    )
    table, left = computed(bars_of(returns), ties), residuals_of(returns)
    share = 0.4 / 3
    expected = (0.6 * left[A] + share * (left[B] + left[C]))[20] / (0.6 + 2 * share)
    assert row(table, D, 20)["supplier_residual_1d"] == pytest.approx(expected, abs=1e-12)
    assert row(table, D, 20)["supplier_count"] == 4
    nothing = computed(bars_of(returns), edges_of((A, D, 1.0, True, at(0)), (B, D, None, True, at(0))))
    assert row(nothing, D, 20)["supplier_residual_1d"] == pytest.approx(left[A][20], abs=1e-12)
    assert row(nothing, B, 20)["customer_residual_1d"] is None


def test_the_order_of_edges_does_not_change_one_bit_of_a_share(returns):
    """Many told weights, known at different times, are summed up before the rest is shared."""
    rng = np.random.default_rng(0)
    told = [(f"hk{i:05d}", D, float(rng.random() / 30), True, at(int(rng.integers(0, 19)))) for i in range(25)]
    ties = [*told, (A, D, None, True, at(3)), (B, D, 0.1, True, at(5)), (C, D, None, True, at(4))]
    first = computed(bars_of(returns), edges_of(*ties))
    for seed in range(5):
        mixed = [ties[i] for i in np.random.default_rng(seed).permutation(len(ties))]
        assert_frame_equal(computed(bars_of(returns), edges_of(*mixed)), first, check_exact=True)


def test_weights_are_shared_out_among_those_that_traded(returns):
    ties = edges_of((A, C, 0.3, True, at(0)), (B, C, 0.1, True, at(0)))
    rows = bars_of(returns, halted={(A, 20), (A, 22), (B, 22)})
    table = computed(rows, ties)
    market = np.mean([returns[name][20] for name in (B, C, D)])
    assert row(table, C, 20)["supplier_residual_1d"] == pytest.approx(returns[B][20] - market, abs=1e-12)
    assert row(table, C, 22)["supplier_residual_1d"] is None
    assert row(table, C, 22)["supplier_residual_5d"] is not None
    assert row(table, C, 22)["supplier_count"] == 2
    assert table.filter(security_id=A, session=DAYS[20]).is_empty()


def test_news_count_from_the_decision_that_knows_them(returns):
    ties = edges_of((A, C, 0.3, True, at(0)), (FOREIGN, C, 0.1, True, at(0)))
    told = news_of((A, at(20)), (A, at(20) + MOMENT), (FOREIGN, at(18)), (None, at(20)), (B, at(20)))
    table = computed(bars_of(returns), ties, told)
    counts = {
        place: (row(table, C, place)["supplier_news_count_1d"], row(table, C, place)["supplier_news_count_5d"])
        for place in (18, 19, 20, 21, 22, 23, 25, 26)
    }
    assert counts == {
        18: (1, 1), 19: (0, 1), 20: (1, 2), 21: (1, 3), 22: (0, 3), 23: (0, 2), 25: (0, 1), 26: (0, 0),
    }  # fmt: skip
    assert row(table, B, 20)["supplier_news_count_1d"] is None
    assert row(table, A, 20)["customer_news_count_5d"] == 0
    assert [row(table, C, place)["supplier_news_count_5d"] for place in (4, 5)] == [None, 0]


def known_edges(ties, instant):
    latest = {}
    for supplier, customer, weight, holds, when in sorted(ties.iter_rows(), key=lambda r: r[4]):
        if when <= instant:
            latest[supplier, customer] = (weight, holds)
    return {pair: weight for pair, (weight, holds) in latest.items() if holds}


def plain_residuals(returns, halted):
    last, left = {}, {}
    for place in range(len(DAYS)):
        level = {name: np.cumsum(own)[place] for name, own in returns.items() if (name, place) not in halted}
        moved = {name: level[name] - last[name] for name in level if name in last}
        left |= {(name, place): moved[name] - sum(moved.values()) / len(moved) for name in moved}
        last |= level
    return left


def neighbours(known, side, security):
    """Neighbour -> weight; the missing weights of each customer share what is left of 1."""
    near = {}
    for (supplier, customer), weight in known.items():
        told = [w for (_, c), w in known.items() if c == customer]
        rest = max(1 - sum(w for w in told if w is not None), 0) / max(told.count(None), 1)
        if security == {"supplier": customer, "customer": supplier}[side]:
            near[supplier if side == "supplier" else customer] = rest if weight is None else weight
    return near


def mean(pairs):
    pairs = [(weight, value) for weight, value in pairs if value is not None]
    whole = sum(weight for weight, _ in pairs)
    return sum(weight * value for weight, value in pairs) / whole if whole > 0 else None


def total(values):
    known = [value for value in values if value is not None]
    return sum(known) if 2 * len(known) >= len(values) else None


def reference(left, known, told, security, t):
    """The figures of one row, one neighbour and one session after another."""
    found = {}
    for side in ("supplier", "customer"):
        near = neighbours(known, side, security)
        means = [mean([(w, left.get((name, t - lag))) for name, w in near.items()]) for lag in range(20)]
        own = [left.get((security, t - lag)) for lag in range(20)]
        here = {f"residual_1d_lag_{lag}d" if lag else "residual_1d": means[lag] for lag in range(6)}
        for window in (5, 20):
            theirs, ours = total(means[:window]), total(own[:window])
            here[f"residual_{window}d"] = theirs
            here[f"gap_{window}d"] = None if theirs is None or ours is None else theirs - ours
        here["residual_half_life_3d"] = mean([(0.5 ** (lag / 3), means[lag]) for lag in range(20)])
        here["count"] = len(near)
        for window in (1, 5):
            new = [name for name, when in told if name in near and at(t - window) < when <= at(t)]
            here[f"news_count_{window}d"] = len(new) if near else None
        found |= {f"{side}_{name}": value for name, value in here.items()}
    return found


def random_panel(seed):
    rng = np.random.default_rng(seed)
    names = [A, B, C, D, "sz000005"]
    returns = {name: rng.normal(0, 0.02, len(DAYS)) for name in names}
    halted = {(name, place) for name in names for place in range(len(DAYS)) if rng.random() < rng.choice([0.05, 0.4])}
    ties = {}
    for _ in range(int(rng.integers(0, 25))):
        supplier, customer = rng.choice([*names, FOREIGN], 2, replace=False)
        when = at(int(rng.integers(0, 40))) + int(rng.integers(-1, 2)) * MOMENT + int(rng.integers(-20, 1)) * HOUR
        weight = None if rng.random() < 0.3 else float(np.round(rng.random() / 5, 2))
        ties[supplier, customer, when] = (str(supplier), str(customer), weight, bool(rng.random() < 0.7), when)
    told = [
        (str(rng.choice([*names, FOREIGN])), at(int(rng.integers(0, 40))) + int(rng.integers(-1, 2)) * MOMENT)
        for _ in range(40)
    ]
    return returns, halted, edges_of(*ties.values()), news_of(*told)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_random_panels_with_gaps_equal_a_plain_reference(seed):
    returns, halted, ties, told = random_panel(seed)
    table = computed(bars_of(returns, halted=halted), ties, told)
    left = plain_residuals(returns, halted)
    for t in (24, 31, 39):
        known = known_edges(ties, at(t))
        for found in table.filter(session=DAYS[t]).iter_rows(named=True):
            expected = reference(left, known, told.rows(), found["security_id"], t)
            assert set(expected) == set(NAMES)
            for name, value in expected.items():
                assert found[name] == (None if value is None else pytest.approx(value, abs=1e-12)), (name, t)


@pytest.fixture(scope="module")
def raw():
    spec = SyntheticMarketSpec(seed=3, securities=30, sessions=230)
    tables = (RawBars, RawNews, RawSupplyChain)
    return {table.asset_key: spec.read(table, spec.first_session(), spec.last_session()) for table in tables}


@pytest.fixture(scope="module")
def cleaned(raw):
    sessions = calendar(raw["raw/bars"].lazy()).collect()
    ties = edges(raw["raw/supply_chain"].lazy()).collect()
    is_told = pl.Series(np.random.default_rng(0).random(ties.height) > 0.3)
    return (
        bars(raw["raw/bars"].lazy(), sessions.lazy()).collect(),
        sessions,
        news(raw["raw/news"].lazy()).collect(),
        ties.with_columns(weight=pl.when(is_told).then("weight")),
    )


def features(rows, sessions, told, ties):
    return SupplyChain.validate(supply_chain(rows.lazy(), sessions.lazy(), told.lazy(), ties.lazy()).collect())


def test_there_is_one_row_for_each_traded_bar(cleaned):
    traded = cleaned[0].filter(~pl.col("is_suspended")).sort("session", "security_id")
    assert features(*cleaned).select("session", "security_id").equals(traded.select("session", "security_id"))


@pytest.mark.parametrize("first", [90, 117, 140, 203])
def test_sessions_with_the_declared_look_back_equal_the_whole_to_the_bit(cleaned, first):
    rows, sessions, told, ties = cleaned
    days, back = sessions["session"], supply_chain.table.look_back
    assert back["bars"] == back["calendar"] == LOOK_BACK == 80
    since, last = days[first - LOOK_BACK], days[min(first + 20, len(days) - 1)]
    inside = pl.col("session").is_between(since, last)
    recent = told.filter(pl.col("known_on") >= days[first - back["news"]])
    part = features(rows.filter(inside), sessions.filter(inside), recent, ties)
    asked = pl.col("session").is_between(days[first], last)
    assert_frame_equal(part.filter(asked), features(*cleaned).filter(asked), check_exact=True)


def test_a_security_that_only_traded_long_ago_does_not_change_one_bit(cleaned):
    """One that is a supplier with news, but has no bar within the look-back."""
    rows, sessions, told, ties = cleaned
    days = sessions["session"]
    gone = ties.filter("holds")["supplier_id"][0]
    rows = rows.filter((pl.col("security_id") != gone) | (pl.col("session") < days[40]))
    late = pl.col("session") >= days[50]
    part = features(rows.filter(late), sessions.filter(late), told, ties)
    asked = pl.col("session") >= days[50 + LOOK_BACK]
    assert_frame_equal(part.filter(asked), features(rows, *cleaned[1:]).filter(asked), check_exact=True)


def test_the_order_of_rows_changes_nothing(cleaned):
    mixed = [frame.sample(fraction=1.0, shuffle=True, seed=1) for frame in cleaned]
    assert_frame_equal(features(*mixed), features(*cleaned), check_exact=True)


def test_another_future_leaves_the_past_and_moves_every_column(raw):
    declared = in_order(declarations(*modules_of([assets.cleaning]), sys.modules[supply_chain.__module__]))
    found = another_future(declared, raw, 3).filter(table="features/supply_chain")
    assert found.filter(~pl.col("passed")).is_empty()
    alive = found.filter(pl.col("column").is_in(NAMES)).group_by("column").agg(pl.col("alive").any())
    assert set(alive.filter("alive")["column"]) == set(NAMES)


def test_without_edges_there_is_nothing_but_counts_of_none(cleaned):
    table = features(*cleaned[:3], cleaned[3].clear())
    assert table.select(pl.col("supplier_count", "customer_count").max()).row(0) == (0, 0)
    others = [name for name in NAMES if not name.endswith("r_count")]
    assert table.select(pl.col(others).is_null().all()).row(0) == (True,) * len(others)


def test_no_bars_and_no_sessions_give_no_rows(cleaned):
    rows, sessions, told, ties = cleaned
    assert features(rows.clear(), sessions, told, ties).is_empty()
    assert features(rows.clear(), sessions.clear(), told, ties).is_empty()
    assert features(rows.clear(), sessions.clear(), told.clear(), ties.clear()).is_empty()
    one = sessions.head(1)
    assert features(rows.filter(pl.col("session") == one["session"][0]), one, told, ties).height > 10


def test_every_column_says_what_it_is():
    for name in NAMES:
        assert {"definition", "unit"} <= set(SupplyChain.columns()[name].metadata), name
