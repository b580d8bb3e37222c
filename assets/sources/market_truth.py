"""Market truth: the expected return and the noise scale of each tradable label, by the market's own law.

The expected return is that of a buy at the VWAP of session t+1 and a sale at that of t+1+h, given all that could be
known after session t and the law with its parameters. Drifts add up in logs; the market's own drift and manipulated
runs are parts of it like any other. Left out are products of a drift with the noise that moves it (a thousandth of it),
and what a suspension adds by stretching the holding. A position in a security whose delisting is announced ends at its
last close.
"""
# F phases, H horizons, N rows (session and security), T sessions, S securities

from __future__ import annotations

from collections.abc import Sequence
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
        by_horizon = [self._horizon(rows_T, rows_S, left_N, horizon) for horizon in HORIZONS]
        many = len(HORIZONS)
        columns = {
            "session": pl.Series(self.sessions, dtype=pl.Date).gather(np.repeat(rows_T, many)),
            "security_id": pl.Series(self.listings.securities, dtype=pl.String).gather(np.repeat(rows_S, many)),
            "horizon": pl.Series(np.tile(np.array(HORIZONS, np.int32), len(rows_T))),
        }
        for name in by_horizon[0]:
            columns[name] = pl.Series(np.stack([found[name] for found in by_horizon], axis=1).ravel())
        return pl.DataFrame(columns)

    def _horizon(self, rows_T: Places, rows_S: Places, left_N: Places, horizon: int) -> dict[str, Singles]:
        """Each column of one horizon, [N]."""
        holdings = _holdings(left_N, horizon)
        logs = {MARKET: np.zeros(len(rows_T))}
        for rows, weights in holdings:
            logs[MARKET][rows] = self.noise.market_drift * weights.sum()
        signal_N = np.zeros(len(rows_T))
        for strong, drift in zip(self.strong_D, self.drifts, strict=True):
            unit_N = drift.unit_TS[rows_T if len(drift.unit_TS) > 1 else 0, rows_S].astype(np.float64)
            logs[drift.name] = np.zeros(len(rows_T))
            for rows, weights in holdings:
                logs[drift.name][rows] = strong * held_drift(drift.persistence, weights) * unit_N[rows]
            signal_N += logs[drift.name]
        columns = {name: np.expm1(values) for name, values in logs.items()}
        columns[PUMP] = np.zeros(len(rows_T))
        for rows, weights in holdings if self.pumps else []:
            columns[PUMP][rows] = self.pumps.expected(weights)[self.phase_TS[rows_T[rows], rows_S[rows]]]
        columns[TOTAL] = np.exp(signal_N + logs[MARKET]) * (1 + columns[PUMP]) - 1
        columns[NOISE_SCALE] = self._noise_scale(rows_T, rows_S, signal_N / horizon, horizon)
        return {name: values.astype(np.float32) for name, values in columns.items()}

    def _noise_scale(self, rows_T: Places, rows_S: Places, daily_N: Floats, horizon: int) -> Floats:
        law, scale_N = self.noise, self.draws.scale_S[rows_S].astype(np.float64)
        own_N, shared_N = np.zeros((2, len(rows_T)))
        own_slow_N = self.draws.own_slow_TS[rows_T, rows_S].astype(np.float64)
        for k, weight in enumerate(held_weights(horizon), start=1):
            common_T = _expected_variance(self.draws, law, k)
            own_rho = law.own_volatility_persistence**k
            own_N += weight * common_T[rows_T] * _lognormal(own_slow_N, own_rho, law.own_volatility_spread)
            shared_N += weight * common_T[rows_T]
        own_N *= scale_N**2 * fall_factor(daily_N / scale_N, self.fall_norm, law.fall_noise)
        largeness_N = law.size_scale**2
        jumps = law.jump_probability * (law.jump_scale**2 + law.jump_mean**2) * (law.jump_scale > 0)
        return np.sqrt(own_N + shared_N * (law.industry_scale**2 + largeness_N) + horizon * jumps)


def fall_factor(relative: Floats | Singles, norm: float, fall_noise: float) -> Floats:
    """Factor on the own variance of a security whose expected log return a session is `relative` noise scales.

    norm  standard deviation of `relative` over the market; 0 where nothing is foretold
    """
    if norm == 0 or fall_noise == 0:
        return np.ones_like(relative)
    return np.clip(1.0 - fall_noise * relative / norm, 0.4, 1.6)


def _holdings(left_N: Places, horizon: int) -> Sequence[tuple[np.ndarray, Floats]]:
    """Rows that hold the same share of each session's drift, and those shares."""
    whole = np.nonzero(left_N > horizon)[0], held_weights(horizon)
    cut = [(np.nonzero(left_N == n)[0], held_to_the_end(n)) for n in range(1, horizon + 1)]
    return [holding for holding in (whole, *cut) if len(holding[0])]


def _lognormal(slow: Floats, rho: float, spread: float) -> Floats:
    """Expected square of exp(spread * slow' - spread^2), where slow' has the mean rho * slow and unit variance."""
    return np.asarray(np.exp(2 * spread * rho * slow - 2 * spread**2 * rho**2))


def _expected_variance(draws: Draws, law: NoiseLaw, ahead: int) -> Floats:
    """Expected square of the common volatility factor so many sessions after each, [T]."""
    out, into = leaving(law)
    share = into / (into + out) if into else 0.0
    turbulent_T = share + (draws.is_turbulent_T.astype(np.float64) - share) * (1 - out - into) ** ahead
    calm = 1.0 / (1.0 + law.turbulent_share * (law.turbulent_scale**2 - 1.0))
    level_T = _lognormal(draws.slow_T.astype(np.float64), law.volatility_persistence**ahead, law.volatility_spread)
    return np.asarray(level_T * calm * (1.0 + (law.turbulent_scale**2 - 1.0) * turbulent_T))
