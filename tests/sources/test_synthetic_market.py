"""The embedded market is deterministic, looks like an exchange's, and earns what its truth says: no more, no less."""

from __future__ import annotations

from datetime import date, time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from assets.sources.market_calendar import is_session
from assets.sources.market_events import Switches
from assets.sources.market_noise import VolumeLaw
from assets.sources.market_signal import Component
from assets.sources.synthetic_market import CONFIRMED_DRIFT, TREND, SyntheticMarketSpec, _made
from assets.wide import Grid, spread
from expectations.tables import RawBars

# S securities, T sessions
MARKETS = Path(__file__).parents[2] / "benchmarks" / "markets"
SMALL = SyntheticMarketSpec(securities=20, sessions=120)
BROAD = SyntheticMarketSpec(securities=80, sessions=300)
NULL = SyntheticMarketSpec(world="null_exchangeable")
NOTHING = {name: False for name in Switches.model_fields}


def whole(spec: SyntheticMarketSpec) -> pl.DataFrame:
    return spec.read(RawBars, spec.first_session(), spec.last_session())


def load(name: str) -> SyntheticMarketSpec:
    return SyntheticMarketSpec.model_validate(yaml.safe_load((MARKETS / name).read_text()))


def wide(spec: SyntheticMarketSpec) -> tuple[Grid, dict[str, np.ndarray]]:
    """Bars on the grid, [S, T], with vwap, adjusted vwap and the flags of locked sessions."""
    bars = whole(spec).with_columns(vwap=pl.col("amount") / pl.col("volume"))
    grid = Grid(tuple(bars["session"].unique().sort()), tuple(bars["security_id"].unique().sort()))
    columns = ("open", "high", "low", "close", "vwap", "volume", "prev_close", "adj_factor", "is_st", "is_suspended")
    return grid, spread(bars, grid, columns)


def limits(cells: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limit in yuan of a market before 2020, [S, T]."""
    cents, percent = np.rint(cells["prev_close"] * 100), np.where(cells["is_st"] == 1, 5, 10)
    return np.floor((cents * (100 - percent) + 50) / 100) / 100, np.floor((cents * (100 + percent) + 50) / 100) / 100


def labels(cells: dict[str, np.ndarray], horizon: int) -> np.ndarray:
    """Tradable return from VWAP t+1, where a buy fills, to the VWAP at which it can be sold from t+1+h on, [S, T]."""
    lower, upper = limits(cells)
    price = cells["vwap"] * cells["adj_factor"]
    bought = np.where(cells["low"] >= upper - 0.001, np.nan, price)
    sold = np.where(cells["high"] <= lower + 0.001, np.nan, price)
    for t in range(sold.shape[1] - 2, -1, -1):
        sold[:, t] = np.where(np.isfinite(sold[:, t]), sold[:, t], sold[:, t + 1])
    label = np.full(price.shape, np.nan)
    label[:, : -horizon - 1] = sold[:, horizon + 1 :] / bought[:, 1:-horizon] - 1
    return np.where(np.isfinite(cells["close"]) & (cells["is_st"] == 0), label, np.nan)


def truth(spec: SyntheticMarketSpec, grid: Grid, horizon: int, component: str) -> np.ndarray:
    rows = spec.truth().filter(horizon=horizon, component=component)
    return spread(rows, grid, ["expected_return"])["expected_return"]


def rank_ic(forecast: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Mean over sessions of the rank correlation within them, and its standard error from blocks of 50 sessions."""
    known = np.isfinite(forecast) & np.isfinite(label)
    enough = known.sum(axis=0) > 20
    ranks = [np.where(known, x, np.inf)[:, enough].argsort(axis=0).argsort(axis=0) for x in (forecast, label)]
    known, count = known[:, enough], known.sum(axis=0)[enough]
    a, b = (np.where(known, rank - (count - 1) / 2, 0.0) for rank in ranks)
    daily = (a * b).sum(axis=0) * 12 / (count * (count**2 - 1.0))
    blocks = daily[: len(daily) // 50 * 50].reshape(-1, 50).mean(axis=1)
    return float(daily.mean()), float(blocks.std(ddof=1) / np.sqrt(len(blocks)))


def slope(forecast: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Slope of label on forecast within sessions, and its standard error from blocks of 50 sessions."""
    known = np.isfinite(forecast) & np.isfinite(label)
    x, y = (np.where(known, values, np.nan) for values in (forecast, label))
    x, y = (np.nan_to_num(v - np.nansum(v, axis=0) / known.sum(axis=0).clip(1)) for v in (x, y))
    estimate = (x * y).sum() / (x * x).sum()
    errors = (x * (y - estimate * x)).sum(axis=0)
    blocks = errors[: len(errors) // 50 * 50].reshape(-1, 50).sum(axis=1)
    return float(estimate), float(np.sqrt((blocks**2).sum()) / (x * x).sum())


def trailing(values: np.ndarray, window: int) -> np.ndarray:
    """Rows of the last `window` values up to each session, [S, T, window]; NaN where there are fewer."""
    padded = np.concatenate([np.full((len(values), window - 1), np.nan), values], axis=1)
    return np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)


def size_of(label: np.ndarray) -> np.ndarray:
    """How far each label lies from the mean of its session, [S, T]."""
    known = np.isfinite(label)
    return np.abs(label - np.where(known, label, 0.0).sum(axis=0) / known.sum(axis=0).clip(1))


def simple_features(cells: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    log_return = np.log(cells["close"] / cells["prev_close"])
    with np.errstate(divide="ignore"):
        log_volume = np.where(cells["volume"] > 0, np.log(cells["volume"]), np.nan)
    return {
        "reversal_5d": -trailing(log_return, 5).sum(axis=2),
        "return_20d": trailing(log_return, 20).sum(axis=2),
        "volatility_20d": trailing(log_return, 20).std(axis=2),
        "volume": log_volume,
        "volume_ratio_20d": log_volume - trailing(log_volume, 20).mean(axis=2),
        "price": cells["close"],
    }


def test_the_same_spec_makes_the_same_market_and_another_seed_another() -> None:
    first, again = (_made.__wrapped__(SMALL) for _ in range(2))
    assert_frame_equal(first.bars, again.bars)
    assert not whole(SMALL.model_copy(update={"seed": 1}))["close"].equals(first.bars["close"])


def test_months_read_alone_join_to_the_whole() -> None:
    starts = pl.date_range(SMALL.first_session().replace(day=1), SMALL.last_session(), "1mo", eager=True).to_list()
    months = [SMALL.read(RawBars, start, (pl.Series([start]).dt.month_end())[0]) for start in starts]
    assert_frame_equal(pl.concat(months), whole(SMALL))
    truths = [SMALL.truth(start, (pl.Series([start]).dt.month_end())[0]) for start in starts]
    assert_frame_equal(pl.concat(truths), SMALL.truth())


def test_a_span_without_sessions_reads_as_no_rows() -> None:
    assert SMALL.read(RawBars, date(2000, 1, 1), date(2000, 12, 31)).is_empty()
    assert SMALL.truth(date(2000, 1, 1), date(2000, 12, 31)).is_empty()


def test_rows_follow_the_schema_of_raw_bars_and_arrive_at_the_stated_hour() -> None:
    bars = whole(SMALL.model_copy(update={"available_hour": 17}))
    assert bars.equals(RawBars.validate(bars))
    assert bars.select("session", "security_id").is_duplicated().sum() == 0
    assert bars.select((pl.col("available_at").dt.time() == time(17)).all()).item()
    assert bars.select((pl.col("available_at").dt.date() == pl.col("session")).all()).item()


def test_a_spec_goes_through_yaml_and_back() -> None:
    for spec in (SyntheticMarketSpec(), SMALL, load("river.yaml"), load("null.yaml")):
        text = yaml.safe_dump(spec.model_dump(mode="json"))
        assert SyntheticMarketSpec.model_validate(yaml.safe_load(text)) == spec


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"securites": 5}, "securites"),
        ({"world": "null"}, "null_exchangeable"),
        ({"components": [TREND, TREND]}, "each its own name"),
        ({"components": [TREND.model_copy(update={"name": "total"})]}, "each its own name"),
        ({"opening_prices": (50, 10)}, "lower end first"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SyntheticMarketSpec.model_validate(wrong)


def test_the_benchmark_markets_differ_only_in_size_and_world() -> None:
    river = load("river.yaml")
    assert river == SyntheticMarketSpec(securities=600)
    assert load("null.yaml") == river.model_copy(update={"world": "null_exchangeable"})


def test_the_digest_follows_the_spec_and_nothing_else() -> None:
    months = [date(2011, 6, 1), date(2011, 7, 1)]
    assert SMALL.digests(RawBars, months) == SMALL.model_copy().digests(RawBars, months)
    assert list(SMALL.digests(RawBars, months)) == months
    assert set(SMALL.digests(RawBars, months).values()).isdisjoint(
        SMALL.model_copy(update={"seed": 1}).digests(RawBars, months).values()
    )


def test_the_one_delivery_counts_every_row() -> None:
    assert SMALL.deliveries().to_dicts() == [
        {"delivery": "synthetic_market", "rows": whole(SMALL).height, "status": "read", "reason": None}
    ]


def test_the_default_span_ends_in_june_2017_with_15_sessions_in_every_month() -> None:
    spec = SyntheticMarketSpec()
    sessions = whole(spec)["session"].unique().sort()
    assert (spec.first_session(), spec.last_session()) == (sessions[0], sessions[-1])
    assert date(2017, 6, 26) <= spec.last_session() <= date(2017, 6, 30)
    assert len(sessions) == 1500
    assert sessions.dt.truncate("1mo").value_counts()["count"].min() >= 15
    assert not any(is_session(day) for day in (date(2015, 1, 1), date(2015, 2, 5), date(2015, 5, 1), date(2015, 10, 7)))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    world=st.sampled_from(["signal", "null_exchangeable"]),
    prices=st.tuples(st.floats(1, 5), st.floats(5, 500)),
    jumps=st.floats(0, 0.1),
    limited=st.booleans(),
)
def test_every_bar_is_one_that_an_exchange_could_print(
    seed: int, world: str, prices: tuple[float, float], jumps: float, limited: bool
) -> None:
    settings_of = {"seed": seed, "world": world, "securities": 15, "sessions": 60, "opening_prices": prices}
    switches = {"limits": limited}
    spec = SyntheticMarketSpec.model_validate(
        {**settings_of, "noise": {"jump_probability": jumps}, "switched_on": switches}
    )
    bars = whole(spec)
    halted, traded = bars.filter("is_suspended"), bars.filter(~pl.col("is_suspended"))
    assert halted.select(pl.sum("volume", "amount")).row(0) in {(0.0, 0.0), (0, 0)}
    assert halted.select(pl.col("open", "high", "low", "close").is_null().all()).row(0) == (True,) * 4
    traded = traded.with_columns(vwap=pl.col("amount") / pl.col("volume"))
    inside = pl.all_horizontal(pl.col(c).is_between(pl.col("low"), pl.col("high")) for c in ("open", "close", "vwap"))
    assert traded.select(inside.all()).item()
    assert traded.select(((pl.col("volume") % 100 == 0) & (pl.col("volume") > 0)).all()).item()
    for row in traded.sample(min(200, traded.height), seed=0).iter_rows(named=True):
        reference, share = Decimal(str(row["prev_close"])), Decimal("0.05" if row["is_st"] else "0.1")
        up, down = (
            float((reference * (1 + sign * share)).quantize(Decimal("0.01"), ROUND_HALF_UP)) for sign in (1, -1)
        )
        assert down <= row["low"] <= row["high"] <= up
    assert bars.select((pl.col("session") >= pl.col("listed_on")).all()).item()


def test_limits_lock_securities_and_what_they_cut_off_opens_the_next_session() -> None:
    _, cells = wide(SyntheticMarketSpec())
    lower, upper = limits(cells)
    locked = (cells["low"] >= upper - 0.001).sum(), (cells["high"] <= lower + 0.001).sum()
    assert min(locked) >= 30
    one_price = (cells["low"] == cells["high"]) & (np.abs(cells["close"] / cells["prev_close"] - 1) > 0.04)
    at_limit = np.minimum(np.abs(cells["close"] - upper), np.abs(cells["close"] - lower)) < 0.001
    assert one_price.sum() >= 60
    assert at_limit[one_price].all()
    gap = np.log(cells["open"] / cells["prev_close"])[:, 1:]
    sealed = (cells["close"] >= upper - 0.001)[:, :-1]
    assert np.nanmean(gap[sealed]) > np.nanmean(gap) + 0.01


def test_adjusted_closes_are_continuous_where_rights_go_off() -> None:
    bars = whole(SyntheticMarketSpec()).drop_nulls("close").sort("security_id", "session")
    before = pl.col("close", "adj_factor").shift(1).over("security_id").name.suffix("_before")
    steps = bars.with_columns(before).drop_nulls("close_before")
    ex = steps.filter(pl.col("prev_close") != pl.col("close_before"))
    assert ex.filter(pl.col("close_before") / pl.col("prev_close") > 1.15).height > 20
    assert ex.filter(pl.col("close_before") / pl.col("prev_close") < 1.03).height > 200
    moves = ex.select((pl.col("close") / pl.col("prev_close") - 1).alias("move"))["move"]
    assert abs(moves.mean()) < 0.004
    assert moves.std() < 0.035
    step = steps["adj_factor"] / steps["adj_factor_before"]
    assert np.allclose(step, steps["close_before"] / steps["prev_close"], rtol=1e-12)


def test_what_is_switched_off_is_absent_and_leaves_the_rest_alone() -> None:
    plain, full = whole(BROAD.model_copy(update={"switched_on": Switches(**NOTHING)})), whole(BROAD)
    assert plain.height == BROAD.securities * BROAD.sessions > full.height
    assert full["is_suspended"].any()
    assert not plain["is_suspended"].any()
    assert full["is_st"].any()
    assert not plain["is_st"].any()
    assert full["adj_factor"].max() > 1
    assert plain["adj_factor"].unique().to_list() == [1.0]
    assert (plain["close"] / plain["prev_close"] - 1).abs().max() < 0.0975
    only_calm = Switches(suspensions=False)
    calm = whole(BROAD.model_copy(update={"switched_on": only_calm}))
    assert calm.height == full.height
    assert calm["is_st"].equals(full["is_st"])


def test_premia_are_in_the_truth_when_they_are_on() -> None:
    spec = SMALL.model_copy(update={"switched_on": Switches(premia=True)})
    parts = spec.truth().filter(horizon=5).pivot("component", values="expected_return")
    assert parts["premium"].abs().min() > 0
    logs = parts.select(pl.col("trend", "confirmed_drift", "premium", "total").log1p())
    assert np.allclose(logs["total"], logs.drop("total").sum_horizontal())
    assert SMALL.truth()["component"].unique().sort().to_list() == ["confirmed_drift", "total", "trend"]


def test_tradable_returns_rise_one_for_one_with_the_truth() -> None:
    loud = tuple(c.model_copy(update={"daily_ic": 3 * c.daily_ic}) for c in (TREND, CONFIRMED_DRIFT))
    spec = SyntheticMarketSpec(components=loud)
    grid, cells = wide(spec)
    for horizon in (1, 5, 10):
        label = labels(cells, horizon)
        for component in ("trend", "confirmed_drift", "total"):
            estimate, error = slope(truth(spec, grid, horizon, component), label)
            assert error < 0.1
            assert abs(estimate - 1) < 3 * error


def test_the_noise_scale_is_that_of_the_labels() -> None:
    grid, cells = wide(SyntheticMarketSpec())
    for horizon in (1, 5):
        rows = SyntheticMarketSpec().truth().filter(horizon=horizon, component="total")
        scale = spread(rows, grid, ["noise_scale"])["noise_scale"]
        label = labels(cells, horizon)[:, : -horizon - 1]
        ratio = np.nanstd((label - np.nanmean(label, axis=0)) / scale[:, : -horizon - 1])
        assert 0.85 < ratio < 1.2


@pytest.mark.parametrize("seed", range(5))
def test_the_oracle_rank_ic_stays_within_its_bound(seed: int) -> None:
    spec = SyntheticMarketSpec(seed=seed)
    grid, cells = wide(spec)
    label = labels(cells, 5)
    trend, drift, total = (
        rank_ic(truth(spec, grid, 5, name), label)[0] for name in ("trend", "confirmed_drift", "total")
    )
    print(f"seed {seed}: trend {trend:.4f}, confirmed_drift {drift:.4f}, total {total:.4f}")
    assert 0.045 <= total <= 0.06
    assert 0.015 <= trend < drift < total


def test_confirmed_drift_is_hidden_from_returns_and_volumes_taken_alone() -> None:
    spec = SyntheticMarketSpec(components=(CONFIRMED_DRIFT,), securities=300)
    grid, cells = wide(spec)
    label = labels(cells, 5)
    assert rank_ic(truth(spec, grid, 5, "confirmed_drift"), label)[0] > 0.04
    for name in ("reversal_5d", "return_20d", "volume_ratio_20d"):
        mean, error = rank_ic(simple_features(cells)[name], label)
        assert abs(mean) < 3 * error, name


def test_in_the_exchangeable_null_nothing_foretells_and_the_truth_is_zero() -> None:
    _, cells = wide(NULL)
    rows = NULL.truth()
    assert rows["expected_return"].abs().max() == 0
    assert rows.group_by("horizon").agg(pl.col("noise_scale").n_unique())["noise_scale"].to_list() == [1] * 4
    for horizon in (1, 5):
        label = labels(cells, horizon)
        for name, feature in simple_features(cells).items():
            for outcome in (label, size_of(label)):
                mean, error = rank_ic(feature, outcome)
                assert error < 0.01
                assert abs(mean) < 3 * error, (name, horizon)


def test_the_same_look_finds_what_foretells_in_a_market_with_a_signal() -> None:
    _, cells = wide(SyntheticMarketSpec())
    label = labels(cells, 5)
    features = simple_features(cells)
    for feature, outcome in (("volatility_20d", size_of(label)), ("reversal_5d", label)):
        mean, error = rank_ic(features[feature], outcome)
        assert mean > 3 * error, feature


def test_no_security_of_the_exchangeable_null_comes_near_a_limit() -> None:
    _, cells = wide(NULL)
    lower, upper = limits(cells)
    assert not (cells["close"] >= upper - 0.001).any()
    assert not (cells["close"] <= lower + 0.001).any()
    assert not (cells["is_st"] == 1).any()


def test_a_component_forgets_half_of_itself_in_its_half_life() -> None:
    component = Component(name="one", daily_ic=0.1, half_life=4, nonlinear_share=0.5)
    assert component.persistence**4 == pytest.approx(0.5)
    assert component.held_drift(1) == pytest.approx(0.5 + 0.5 * component.persistence)
    state = component.advance(np.array([1.0, -2.0]), np.zeros(2), np.ones(2))
    assert state == pytest.approx(np.array([1.0, -2.0]) * component.persistence)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_component_has_variance_one_whatever_its_nonlinear_share(share: float) -> None:
    p = VolumeLaw().spike_probability
    is_spike = np.random.default_rng(0).random((400, 500)) < p
    loading = Component(name="one", daily_ic=0.1, half_life=4, nonlinear_share=share).loadings(is_spike, p)
    assert np.mean(loading**2) == pytest.approx(1, abs=0.03)
