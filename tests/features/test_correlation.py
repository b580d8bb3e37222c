import sys
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from threadpoolctl import threadpool_limits

import assets.cleaning
from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.features.correlation import LOOK_BACK, Correlation, correlation
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from expectations.tables import RawBars
from pipelines.declared import in_order, modules_of
from pipelines.replay import another_future

NAMES = [name for name in Correlation.column_names() if name not in ("session", "security_id")]
PEER = [name for name in NAMES if name.startswith("peer_")]


@pytest.fixture(scope="module")
def raw():
    spec = SyntheticMarketSpec(seed=5, securities=40, sessions=330)
    return {"raw/bars": spec.read(RawBars, spec.first_session(), spec.last_session())}


@pytest.fixture(scope="module")
def cleaned(raw):
    sessions = calendar(raw["raw/bars"].lazy()).collect()
    return bars(raw["raw/bars"].lazy(), sessions.lazy()).collect(), sessions


@pytest.fixture(scope="module")
def whole(cleaned):
    return computed(*cleaned)


def computed(rows, sessions):
    return Correlation.validate(correlation(rows.lazy(), sessions.lazy()).collect())


def wide(frame, sessions, name):
    """The column with sessions in rows and securities in columns, NaN where null."""
    table = frame.pivot("security_id", index="session", values=name)
    laid = sessions.select("session").join(table, on="session", how="left").sort("session")
    names = sorted(set(laid.columns) - {"session"})
    return names, laid.select(names).to_numpy().astype(float)


def plain_returns(rows, sessions):
    traded = rows.filter(~pl.col("is_suspended")).with_columns(level=(pl.col("close") * pl.col("adj_factor")).log())
    names, level = wide(traded, sessions, "level")
    returns = np.full_like(level, np.nan)
    for column in range(len(names)):
        here = np.flatnonzero(~np.isnan(level[:, column]))
        for before, now in pairwise(here):
            if now - before <= 60:
                returns[now, column] = level[now, column] - level[before, column]
    return names, returns


def plain_peers(returns, market, first):
    """For each column its 20 best of the 120 sessions before `first`, with their correlations."""
    own, left = returns[first - 120 : first], {}
    for column in range(own.shape[1]):
        here = ~np.isnan(own[:, column])
        if here.sum() >= 90:
            line = np.polyfit(market[first - 120 : first][here], own[here, column], 1)
            rest = np.zeros(120)
            rest[here] = own[here, column] - np.polyval(line, market[first - 120 : first][here])
            left[column] = rest / np.linalg.norm(rest)
    found = {}
    for column, rest in left.items():
        near = sorted(((float(rest @ other), -place) for place, other in left.items() if place != column), reverse=True)
        found[column] = {-place: value for value, place in near[:20] if value > 0}
    return found


def known_mean(values):
    known = values[~np.isnan(values)]
    return known.mean() if len(known) else np.nan


def known_sum(values):
    return np.nansum(values) if 2 * (~np.isnan(values)).sum() >= len(values) else np.nan


def test_every_figure_is_what_its_definition_says(cleaned, whole):
    rows, sessions = cleaned
    names, returns = plain_returns(rows, sessions)
    market = np.array([known_mean(row) for row in returns])
    left = returns - market[:, None]
    days = sessions["session"].to_list()
    t = 250
    first = next(place for place in range(t, 0, -1) if days[place - 1].month != days[place].month)
    peers = plain_peers(returns, market, first)
    table = whole.filter(session=days[t])
    assert table["peer_residual_1d"].null_count() < 10
    for found in table.iter_rows(named=True):
        column = names.index(found["security_id"])
        near = peers.get(column, {})
        mean = np.array([known_mean(left[place, list(near)]) for place in range(t - 60, t + 1)])
        own = left[t - 60 : t + 1, column]
        expected = {
            "peer_residual_1d": mean[-1],
            **{f"peer_residual_1d_lag_{lag}d": mean[-1 - lag] for lag in range(1, 6)},
            "peer_gap_5d": known_sum(mean[-5:]) - known_sum(own[-5:]),
            "peer_gap_20d": known_sum(mean[-20:]) - known_sum(own[-20:]),
            "peer_momentum_60d_5d": known_sum(mean[1:-5]),
            "peer_correlation_120d": np.mean(list(near.values())) if near else np.nan,
        }
        for window in (60, 120):
            ours = returns[t - window + 1 : t + 1, column]
            here = ~np.isnan(ours)
            enough = here.sum() >= window / 2
            theirs = market[t - window + 1 : t + 1][here]
            expected[f"market_beta_{window}d"] = np.polyfit(theirs, ours[here], 1)[0] if enough else np.nan
            expected[f"market_correlation_{window}d"] = np.corrcoef(theirs, ours[here])[0, 1] if enough else np.nan
        del expected["market_correlation_60d"]
        for window, skipped, fewest in ((20, 1, 10), (60, 5, 28)):
            span = slice(t - window + 1, t - skipped + 1)
            rest = returns[span, column] - expected["market_beta_120d"] * market[span]
            rest = rest[~np.isnan(rest)]
            score = rest.sum() / (rest.std(ddof=1) * len(rest) ** 0.5) if len(rest) >= fewest else np.nan
            expected[f"residual_momentum_{window}d_{skipped}d"] = score
        assert set(expected) == set(NAMES)
        for name, value in expected.items():
            given_ = np.nan if found[name] is None else found[name]
            assert given_ == pytest.approx(value, abs=1e-6, nan_ok=True), (name, found["security_id"])


def test_there_is_one_row_for_each_traded_bar(cleaned, whole):
    traded = cleaned[0].filter(~pl.col("is_suspended")).sort("session", "security_id")
    assert whole.select("session", "security_id").equals(traded.select("session", "security_id"))


@settings(max_examples=8, deadline=None)
@given(first=st.integers(LOOK_BACK, 329), length=st.integers(1, 40))
def test_sessions_with_the_declared_look_back_equal_the_whole_to_the_bit(cleaned, whole, first, length):
    """Also from the middle of a month on: the peers of a month do not depend on where the data start."""
    rows, sessions = cleaned
    assert correlation.table.look_back == {"bars": LOOK_BACK, "calendar": LOOK_BACK}
    days = sessions["session"]
    last = days[min(first + length, len(days)) - 1]
    inside = pl.col("session").is_between(days[first - LOOK_BACK], last)
    asked = pl.col("session").is_between(days[first], last)
    part = computed(rows.filter(inside), sessions.filter(inside))
    assert_frame_equal(part.filter(asked), whole.filter(asked), check_exact=True)


def test_the_look_back_reaches_a_halt_before_the_window_of_the_month(cleaned):
    """At the end of a long month, with a name that came back from 59 halted sessions as the peers' window began."""
    rows, sessions = cleaned
    days = sessions["session"]
    month = days.dt.truncate("1mo")
    lengths = {
        place: int((month == month[place]).sum()) for place in range(230, len(days)) if month[place] != month[place - 1]
    }
    first = max(lengths, key=lengths.get)
    name = rows.filter(session=days[first - 120], is_suspended=False)["security_id"][0]
    is_halted = pl.col("session").is_between(days[first - 179], days[first - 121])
    rows = rows.filter((pl.col("security_id") != name) | ~is_halted)
    last = first + lengths[first] - 1
    inside, asked = pl.col("session").is_between(days[last - LOOK_BACK], days[last]), pl.col("session") == days[last]
    part = computed(rows.filter(inside), sessions.filter(inside)).filter(asked)
    assert part.filter(security_id=name)["peer_residual_1d"].null_count() == 0
    assert_frame_equal(part, computed(rows, sessions).filter(asked), check_exact=True)


def test_a_security_that_only_traded_long_ago_does_not_change_one_bit(cleaned):
    rows, sessions = cleaned
    days = sessions["session"]
    rows = rows.filter((pl.col("security_id") != rows["security_id"][7]) | (pl.col("session") < days[30]))
    late, asked = pl.col("session") >= days[40], pl.col("session") >= days[40 + LOOK_BACK]
    part = computed(rows.filter(late), sessions.filter(late))
    assert_frame_equal(part.filter(asked), computed(rows, sessions).filter(asked), check_exact=True)


def test_the_number_of_threads_does_not_change_one_bit(cleaned, whole):
    for threads in (1, 2):
        with threadpool_limits(threads):
            assert_frame_equal(computed(*cleaned), whole, check_exact=True)


def test_the_order_of_rows_changes_nothing(cleaned, whole):
    mixed = [frame.sample(fraction=1.0, shuffle=True, seed=1) for frame in cleaned]
    assert_frame_equal(computed(*mixed), whole, check_exact=True)


def test_peers_of_a_month_are_chosen_from_what_came_before_it(cleaned, whole):
    rows, sessions = cleaned
    days = sessions["session"].to_list()
    first = next(place for place in range(230, 0, -1) if days[place - 1].month != days[place].month)
    later = pl.col("session") >= days[first]
    noise = pl.Series(np.random.default_rng(0).lognormal(0, 0.05, rows.height))
    other = computed(rows.with_columns(close=pl.when(later).then(pl.col("close") * noise).otherwise("close")), sessions)
    chosen = pl.col("session", "security_id", "peer_correlation_120d")
    month = pl.col("session").is_between(days[first], date(days[first].year, days[first].month, 28))
    after = pl.col("session") > days[first + 24]
    assert_frame_equal(other.filter(month).select(chosen), whole.filter(month).select(chosen), check_exact=True)
    assert not other.filter(after).select(chosen).equals(whole.filter(after).select(chosen))
    assert_frame_equal(other.filter(~later), whole.filter(~later), check_exact=True)


def test_without_ninety_sessions_there_are_no_peers(cleaned, whole):
    early = whole.filter(pl.col("session") <= cleaned[1]["session"][89])
    assert early.select(pl.col(PEER).is_null().all()).row(0) == (True,) * len(PEER)
    late = whole.filter(pl.col("session") > cleaned[1]["session"][145])
    assert late["peer_residual_1d"].null_count() < 0.2 * late.height


def test_another_future_leaves_the_past_and_moves_every_column(raw):
    declared = in_order(declarations(*modules_of([assets.cleaning]), sys.modules[correlation.__module__]))
    found = another_future(declared, raw, 3).filter(table="features/correlation")
    assert found.filter(~pl.col("passed")).is_empty()
    alive = found.filter(pl.col("column").is_in(NAMES)).group_by("column").agg(pl.col("alive").any())
    assert set(alive.filter("alive")["column"]) == set(NAMES)


def test_values_are_finite_or_null(cleaned, whole):
    still = cleaned[0].with_columns(close=pl.lit(10.0), adj_factor=pl.lit(1.0))
    for table in (whole, computed(still, cleaned[1])):
        assert table.select(pl.col(NAMES).is_finite().all()).row(0) == (True,) * len(NAMES)


def test_few_sessions_and_no_bars_are_no_error(cleaned):
    rows, sessions = cleaned
    for count in (0, 1, 7):
        short = sessions.head(count)
        few = rows.filter(pl.col("session").is_in(short["session"].implode()))
        assert computed(few, short).height == few.filter(~pl.col("is_suspended")).height
    assert computed(rows.clear(), sessions).is_empty()
    alone = rows.filter(security_id=rows["security_id"][0])
    assert computed(alone, sessions)["peer_residual_1d"].null_count() == computed(alone, sessions).height


def test_every_column_says_what_it_is():
    for name in NAMES:
        assert {"definition", "unit"} <= set(Correlation.columns()[name].metadata), name
