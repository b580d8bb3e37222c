"""The truth is what tradable labels earn: no more and no less, by component, and nothing where nothing foretells."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.sources.embedded import making as market_making
from assets.sources.embedded.making import make
from assets.sources.embedded.pumps import DUMP, NONE, RAMP, PumpLaw
from assets.sources.embedded.signal import Component, held_drift, held_to_the_end, held_weights
from assets.sources.embedded.streams import Streams
from assets.sources.synthetic_market import COMPONENTS, CONFIRMED_DRIFT, SyntheticMarketSpec
from assets.targets.forward_returns import forward_returns
from benchmarks import market_states
from expectations.tables import RawBars

KEYS = ("session", "security_id")
NAMES = [component.name for component in COMPONENTS]
NULL = SyntheticMarketSpec(world="null_exchangeable", sessions=600)


def labels(spec: SyntheticMarketSpec, horizon: int) -> pl.DataFrame:
    """Tradable returns by the project's own cleaning and labels."""
    raw = spec.read(RawBars, spec.first_session(), spec.last_session()).lazy()
    sessions = calendar(raw).collect().lazy()
    made = forward_returns(bars(raw, sessions).collect().lazy(), sessions).filter(pl.col("horizon") == horizon)
    return made.select(*KEYS, "forward_return").drop_nulls().collect()


def scored(spec: SyntheticMarketSpec, horizon: int) -> pl.DataFrame:
    return spec.truth().filter(horizon=horizon).join(labels(spec, horizon), on=KEYS)


def rank_ic(both: pl.DataFrame, column: str, outcome: str = "forward_return") -> tuple[float, float]:
    """Mean rank correlation within sessions, and its standard error from blocks of 50 sessions."""
    by_session = both.group_by("session").agg(ic=pl.corr(column, outcome, method="spearman")).sort("session")
    daily = by_session["ic"].fill_nan(None).drop_nulls().to_numpy()
    blocks = daily[: len(daily) // 50 * 50].reshape(-1, 50).mean(axis=1)
    return float(daily.mean()), float(blocks.std(ddof=1) / np.sqrt(len(blocks)))


def slope(both: pl.DataFrame, column: str) -> tuple[float, float]:
    """Slope of the label on a column within sessions in units of noise scales, and its standard error by blocks."""
    apart = [
        (pl.col(name) - pl.col(name).mean().over("session")) / pl.col("noise_scale")
        for name in (column, "forward_return")
    ]
    x, y = (both.sort("session").select(one.alias("value"))["value"].to_numpy().astype(float) for one in apart)
    estimate = (x * y).sum() / (x * x).sum()
    errors = [block.sum() for block in np.array_split(x * (y - estimate * x), 40)]
    return float(estimate), float(np.sqrt(np.square(errors).sum()) / (x * x).sum())


def louder(spec: SyntheticMarketSpec, times: float) -> SyntheticMarketSpec:
    loud = tuple(one.model_copy(update={"ic": times * one.ic}) for one in spec.components)
    return spec.model_copy(update={"components": loud})


@pytest.mark.parametrize("horizon", [1, 5, 10])
def test_tradable_returns_rise_one_for_one_with_the_truth(horizon: int) -> None:
    both = scored(louder(SyntheticMarketSpec(), 3), horizon)
    for name in (*NAMES, "total"):
        estimate, error = slope(both, name)
        assert error < 0.35
        assert abs(estimate - 1) < 3.5 * error, (name, estimate, error)


def test_each_component_earns_about_what_is_asked() -> None:
    spec = louder(SyntheticMarketSpec(), 4)
    both = scored(spec, 5)
    for component in spec.components:
        mean, error = rank_ic(both, component.name)
        assert abs(mean - component.ic) < 3 * error + 0.1 * component.ic, component.name


def test_confirmed_drift_is_hidden_from_returns_and_volumes_taken_alone() -> None:
    spec = SyntheticMarketSpec(
        components=(CONFIRMED_DRIFT.model_copy(update={"ic": 0.06}),),
        securities=300,
        switched_on=SyntheticMarketSpec().switched_on.model_copy(update={"premia": False, "pumps": False}),
    )
    both = scored(spec, 5)
    assert rank_ic(both, "confirmed_drift")[0] > 0.045
    bars = spec.read(RawBars, spec.first_session(), spec.last_session()).drop_nulls("close")
    move, volume = (pl.col("close") / pl.col("prev_close")).log(), pl.col("volume").log()
    alone = bars.sort("session").select(
        *KEYS,
        reversal_5d=-move.rolling_sum(5).over("security_id"),
        volume_ratio_20d=(volume - volume.rolling_mean(20)).over("security_id"),
    )
    for name in ("reversal_5d", "volume_ratio_20d"):
        mean, error = rank_ic(both.join(alone.drop_nulls(), on=KEYS), name)
        assert abs(mean) < 3.5 * error, name


def test_in_the_exchangeable_null_the_truth_of_a_session_is_one_number() -> None:
    told = NULL.truth()
    assert told.select(pl.col(*NAMES, "pump", "limits").abs().max()).to_numpy().max() == 0
    for column in ("total", "noise_scale"):
        assert told.group_by("session", "horizon").agg(pl.col(column).n_unique())[column].unique().to_list() == [1]


def test_in_the_realistic_null_premia_and_runs_earn_and_components_do_not() -> None:
    told = SyntheticMarketSpec(world="null_realistic", sessions=300).truth().filter(horizon=5)
    assert told.select(pl.col(NAMES).abs().max()).to_numpy().max() == 0
    for name in ("reversal", "volatility", "size", "pump", "limits"):
        assert told[name].abs().max() > 0.0003, name


@pytest.mark.parametrize("world", ["null_exchangeable", "null_realistic"])
def test_what_foretells_in_the_signal_world_foretells_nothing_in_a_null(world: str) -> None:
    signal = SyntheticMarketSpec(sessions=800)
    both = signal.truth().filter(horizon=5).join(labels(signal.model_copy(update={"world": world}), 5), on=KEYS)
    for name in NAMES:
        mean, error = rank_ic(both, name)
        assert abs(mean) < 3.5 * error, (name, mean, error)


def test_known_volatility_and_events_do_not_tell_the_size_of_moves_in_the_exchangeable_null() -> None:
    raw = NULL.read(RawBars, NULL.first_session(), NULL.last_session()).drop_nulls("close").sort("session")
    move = (pl.col("close") / pl.col("prev_close")).log()
    past = raw.select(*KEYS, volatility_20d=move.rolling_std(20).over("security_id"), volume="volume").drop_nulls()
    apart = (pl.col("forward_return") - pl.col("forward_return").mean().over("session")).abs()
    both = labels(NULL, 1).with_columns(size=apart).join(past, on=KEYS)
    for name in ("volatility_20d", "volume"):
        mean, error = rank_ic(both, name, "size")
        assert abs(mean) < 3.5 * error, name


def test_the_noise_scale_is_that_of_the_labels() -> None:
    for horizon in (1, 5):
        both = scored(SyntheticMarketSpec(), horizon)
        apart = pl.col("forward_return") - pl.col("total")
        relative = both.select(relative=(apart - apart.mean().over("session")) / pl.col("noise_scale"))["relative"]
        assert 0.9 < float(str(relative.std())) < 1.2


def test_every_part_adds_up_to_the_total() -> None:
    told = SyntheticMarketSpec(sessions=200, securities=60).truth()
    parts = ("market", *NAMES, "reversal", "volatility", "size", "pump", "limits")
    logs = told.select(total=pl.col("total").log1p(), parts=pl.sum_horizontal(pl.col(name).log1p() for name in parts))
    assert np.allclose(logs["total"], logs["parts"], atol=2e-6)
    assert told["total"].dtype == pl.Float32


def test_a_component_forgets_half_of_itself_in_its_half_life() -> None:
    component = Component(name="one", driver="news", ic=0.1, half_life=4)
    assert component.persistence**4 == pytest.approx(0.5)
    rho = component.persistence
    assert held_drift(rho, held_weights(1)) == pytest.approx(0.5 + 0.5 * rho)
    assert held_drift(rho, held_weights(3)) == pytest.approx(0.5 + rho + rho**2 + 0.5 * rho**3)
    assert held_drift(rho, held_to_the_end(2)) == pytest.approx(0.5 + rho)


def test_the_expected_return_of_a_pump_is_that_of_many_drawn_chains() -> None:
    law, weights = PumpLaw(rate=0.01), held_weights(5)
    rng, many = np.random.default_rng(0), 200_000
    for phase in (NONE, RAMP, DUMP):
        now, total = np.full(many, phase), np.zeros(many)
        for weight in weights:
            steps = law.transitions().cumsum(axis=1)[now]
            now = (rng.random((many, 1)) > steps).sum(axis=1)
            total += weight * law.drifts()[now]
        earned = np.expm1(total)
        assert abs(earned.mean() - law.expected(weights)[phase]) < 4 * earned.std() / np.sqrt(many)


def test_a_restart_keeps_what_was_and_draws_the_rest_anew() -> None:
    law = SyntheticMarketSpec(securities=30, sessions=90)
    first = make(law)
    again = make(law, Streams(law.seed, 60, 1), first.strengths)
    assert np.array_equal(first.tape.path.close_TS[:60], again.tape.path.close_TS[:60])
    assert (first.tape.path.close_TS[60:] != again.tape.path.close_TS[60:]).mean() > 0.8
    until = first.tape.sessions[0], first.tape.sessions[59]
    assert first.truth.table(*until).drop("limits", "total").equals(again.truth.table(*until).drop("limits", "total"))


@pytest.mark.slow
@pytest.mark.parametrize("broken", [False, True])
def test_restarting_the_law_gives_the_truth_and_a_broken_law_is_seen(
    broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_states, "RESTARTS", 150)
    if broken:
        whole = market_making._expected
        monkeypatch.setattr(
            market_making,
            "_expected",
            lambda drifts, strong, rows: None if isinstance(rows, slice) else whole(drifts, strong, rows),
        )
    loud = louder(SyntheticMarketSpec(), 3).model_dump(mode="json")
    found = market_states.pooled([market_states.check(loud, 0)])
    assert (abs(found["states_slope"] - 1) < 0.1) is not broken
    assert found["states_beyond_3"] < 0.03 or broken
