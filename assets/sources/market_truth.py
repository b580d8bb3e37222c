"""Market truth: the expected return and the noise scale of each tradable label, by the market's own law.

The expected return is that of a buy at the VWAP of session t+1 and a sale at that of t+1+h, given all that could be
known after session t and the law with its parameters. Drifts add up in logs; the market's own drift and manipulated
runs are parts of it like any other. Left out are products of a drift with the noise that moves it (a thousandth of it),
and what a suspension adds by stretching the holding. A position in a security whose delisting is announced ends at its
last close.
"""
# F phases, H horizons, N rows (session and security), T sessions, S securities

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from assets.sources.market_bars import within
from assets.sources.market_listings import Listings
from assets.sources.market_noise import Draws, NoiseLaw, leaving
from assets.sources.market_pumps import PumpLaw
from assets.sources.market_signal import held_drift, held_to_the_end, held_weights
from assets.sources.market_streams import Bools, Floats, Places, Singles
from assets.sources.market_strength import Drift

HORIZONS = (1, 3, 5, 10)
MARKET, PUMP, TOTAL, NOISE_SCALE = "market", "pump", "total", "noise_scale"
REVERSAL, VOLATILITY, SIZE = "reversal", "volatility", "size"
RESERVED = ("session", "security_id", "horizon", MARKET, PUMP, TOTAL, NOISE_SCALE, REVERSAL, VOLATILITY, SIZE)


@dataclass(frozen=True)
class Truth:
    """What the law says after each session, in the axes of the market."""

    sessions: tuple[date, ...]
    listings: Listings
    trades_TS: Bools
    drifts: tuple[Drift, ...]
    strong_D: Floats
    phase_TS: np.ndarray
    pumps: PumpLaw | None
    draws: Draws
    noise: NoiseLaw
    fall_norm: float

    def table(self, first: date, last: date) -> pl.DataFrame:
        """One row per session, security that trades in it and in the next, and horizon (1, 3, 5, 10).

        Columns session, security_id, horizon, market, one for each drift, pump, total and noise_scale: simple returns
        in single precision. `noise_scale` is the standard deviation of the return around `total` that is not the
        market's.
        """
        span = within(self.sessions, first, last)
        rows_T, rows_S = np.nonzero(self.trades_TS[span])
        rows_T = rows_T + span.start
        left_N = self.listings.end_S[rows_S] - 1 - rows_T
        rows_T, rows_S, left_N = (cells[left_N >= 1] for cells in (rows_T, rows_S, left_N))
        many = len(HORIZONS)
        columns = {
            "session": pl.Series(self.sessions, dtype=pl.Date).gather(np.repeat(rows_T, many)),
            "security_id": pl.Series(self.listings.securities, dtype=pl.String).gather(np.repeat(rows_S, many)),
            "horizon": pl.Series(np.tile(np.array(HORIZONS, np.int32), len(rows_T))),
        }
        found = self._columns(rows_T, rows_S, left_N)
        return pl.DataFrame(columns | {name: pl.Series(values_NH.ravel()) for name, values_NH in found.items()})

    def _columns(self, rows_T: Places, rows_S: Places, left_N: Places) -> dict[str, Singles]:
        """Each column of some rows, [N, H]."""
        shape = len(rows_T), len(HORIZONS)
        logs = {MARKET: _held(np.ones(len(rows_T), np.float32), left_N, 1.0, self.noise.market_drift)}
        foretold_NH = np.zeros(shape, np.float32)
        for strong, drift in zip(self.strong_D, self.drifts, strict=True):
            unit_N = drift.unit_TS[rows_T if len(drift.unit_TS) > 1 else 0, rows_S]
            logs[drift.name] = _held(unit_N, left_N, drift.persistence, strong)
            foretold_NH += logs[drift.name]
        pump_NH = self._pumped(rows_T, rows_S, left_N)
        columns = {name: np.expm1(values_NH) for name, values_NH in logs.items()}
        total_NH = np.expm1(foretold_NH + logs[MARKET] + np.log1p(pump_NH))
        noise_NH = self._noise_scale(rows_T, rows_S, np.asarray(foretold_NH / np.array(HORIZONS), np.float32))
        return {**columns, PUMP: pump_NH, TOTAL: total_NH, NOISE_SCALE: noise_NH}

    def _pumped(self, rows_T: Places, rows_S: Places, left_N: Places) -> Singles:
        """Expected simple return that manipulated runs bring, [N, H]."""
        found_NH = np.zeros((len(rows_T), len(HORIZONS)), np.float32)
        if self.pumps is None:
            return found_NH
        phase_N = self.phase_TS[rows_T, rows_S]
        for h, horizon in enumerate(HORIZONS):
            found_NH[:, h] = self.pumps.expected(held_weights(horizon)).astype(np.float32)[phase_N]
            for rows, weights in _cut_short(left_N, horizon):
                found_NH[rows, h] = self.pumps.expected(weights)[phase_N[rows]]
        return found_NH

    def _noise_scale(self, rows_T: Places, rows_S: Places, daily_NH: Singles) -> Singles:
        """Standard deviation of the return that is not the market's, given the expected log return a session."""
        law, scale_N1 = self.noise, self.draws.scale_S[rows_S][:, None]
        own_slow_N = self.draws.own_slow_TS[rows_T, rows_S]
        own_NH, shared_NH = np.zeros((2, *daily_NH.shape), np.float32)
        for k in range(1, max(HORIZONS) + 2):
            common_N = _expected_variance(self.draws, law, k)[rows_T]
            own_N = common_N * _lognormal(own_slow_N, law.own_volatility_persistence**k, law.own_volatility_spread)
            for h, horizon in enumerate(HORIZONS):
                if k <= horizon + 1:
                    weight = np.float32(held_weights(horizon)[k - 1])
                    own_NH[:, h] += weight * own_N
                    shared_NH[:, h] += weight * common_N
        own_NH *= scale_N1**2 * fall_factor(daily_NH / scale_N1, self.fall_norm, law.fall_noise)
        jumps = law.jump_probability * (law.jump_scale**2 + law.jump_mean**2) * (law.jump_scale > 0)
        shared_NH *= np.float32(law.industry_scale**2 + law.size_scale**2)
        return np.asarray(np.sqrt(own_NH + shared_NH + jumps * np.array(HORIZONS)), np.float32)


def fall_factor(relative: Singles, norm: float, fall_noise: float) -> Singles:
    """Factor on the own variance of a security whose expected log return a session is `relative` noise scales.

    norm  standard deviation of `relative` over the market; 0 where nothing is foretold
    """
    if norm == 0 or fall_noise == 0:
        return np.ones_like(relative)
    return np.asarray(np.clip(1.0 - np.float32(fall_noise / norm) * relative, 0.4, 1.6))


def _held(unit_N: Singles, left_N: Places, persistence: float, strength: float) -> Singles:
    """Log return of a holding of each horizon, [N, H]; `unit_N` is that of session t+1 at strength 1."""
    factors_H = [strength * held_drift(persistence, held_weights(horizon)) for horizon in HORIZONS]
    found_NH = unit_N[:, None] * np.array(factors_H, np.float32)
    for h, horizon in enumerate(HORIZONS):
        for rows, weights in _cut_short(left_N, horizon):
            found_NH[rows, h] = unit_N[rows] * np.float32(strength * held_drift(persistence, weights))
    return found_NH


def _cut_short(left_N: Places, horizon: int) -> Iterator[tuple[Places, Floats]]:
    """Rows whose security is delisted within the holding, and the share of each session's drift that they hold."""
    cut_short = np.nonzero(left_N <= horizon)[0]
    for left in np.unique(left_N[cut_short]):
        yield cut_short[left_N[cut_short] == left], held_to_the_end(int(left))


def _lognormal(slow: Singles, rho: float, spread: float) -> Singles:
    """Expected square of exp(spread * slow' - spread^2), where slow' has the mean rho * slow and unit variance."""
    return np.asarray(np.exp(np.float32(2 * spread * rho) * slow - np.float32(2 * spread**2 * rho**2)))


def _expected_variance(draws: Draws, law: NoiseLaw, ahead: int) -> Singles:
    """Expected square of the common volatility factor so many sessions after each, [T]."""
    out, into = leaving(law)
    share = into / (into + out) if into else 0.0
    turbulent_T = share + (draws.is_turbulent_T - share) * (1 - out - into) ** ahead
    calm = 1.0 / (1.0 + law.turbulent_share * (law.turbulent_scale**2 - 1.0))
    level_T = _lognormal(draws.slow_T, law.volatility_persistence**ahead, law.volatility_spread)
    return np.asarray(level_T * calm * (1.0 + (law.turbulent_scale**2 - 1.0) * turbulent_T), np.float32)
