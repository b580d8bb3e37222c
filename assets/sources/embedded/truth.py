"""Market truth: the expected return and the noise scale of each tradable label, by the market's own law.

The expected return is that of a buy at the VWAP of session t+1 and a sale at that of t+1+h, given all that could be
known after session t and the law with its parameters. Drifts add up in logs; the market's own drift and manipulated
runs are parts of it like any other. Left out are products of a drift with the noise that moves it (a thousandth of it),
and what a suspension adds by stretching the holding; of price limits, that of the sale counts as if the close before it
were at its worth. A position in a security whose delisting is announced ends at its last close. What is known is taken
as the state of the law, which is a little more than the tape shows: also what stands behind a price at its limit.
"""
# H horizons, K sessions after t, N rows (session and security), T sessions, S securities

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from assets.sources.embedded.bars import within
from assets.sources.embedded.limits import BEFORE_VWAP, bound, paid, received
from assets.sources.embedded.listings import Listings
from assets.sources.embedded.noise import Draws, NoiseLaw, leaving
from assets.sources.embedded.pumps import PumpLaw
from assets.sources.embedded.signal import held_drift, held_to_the_end, held_weights
from assets.sources.embedded.streams import Bools, Floats, Places, Singles
from assets.sources.embedded.strength import Drift

HORIZONS = (1, 3, 5, 10)
MARKET, PUMP, LIMITS, TOTAL, NOISE_SCALE = "market", "pump", "limits", "total", "noise_scale"
REVERSAL, VOLATILITY, SIZE = "reversal", "volatility", "size"
RESERVED = ("session", "security_id", "horizon", MARKET, PUMP, LIMITS, TOTAL, NOISE_SCALE, REVERSAL, VOLATILITY, SIZE)


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
    gap_TS: Singles
    percent: tuple[np.ndarray, np.ndarray] | None  # how far prices may rise and fall, [T, S]; None without limits

    def table(self, first: date, last: date) -> pl.DataFrame:
        """One row per session, security that trades in it and in the next, and horizon (1, 3, 5, 10).

        Columns session, security_id, horizon, market, one for each drift, pump, limits, total and noise_scale: simple
        returns in single precision. `noise_scale` is the standard deviation of the return around `total` that is not
        the market's.
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
        own_NK, shared_NK = self._variances(rows_T, rows_S)
        limits_NH = self._limited(rows_T, rows_S, left_N, own_NK, shared_NK)
        total_NH = np.expm1(foretold_NH + logs[MARKET] + np.log1p(pump_NH) + np.log1p(limits_NH))
        daily_NH = np.asarray(foretold_NH / np.array(HORIZONS), np.float32)
        noise_NH = self._noise_scale(rows_S, daily_NH, own_NK, shared_NK)
        return {**columns, PUMP: pump_NH, LIMITS: limits_NH, TOTAL: total_NH, NOISE_SCALE: noise_NH}

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

    def _limited(self, rows_T: Places, rows_S: Places, left_N: Places, own_NK: Singles, shared_NK: Singles) -> Singles:
        """Expected simple return that price limits bring, [N, H]."""
        found_NH = np.zeros((len(rows_T), len(HORIZONS)), np.float32)
        if self.percent is None:
            return found_NH
        entry_T = np.minimum(rows_T + 1, len(self.sessions) - 1)
        up_N, down_N = (percent_TS[entry_T, rows_S] for percent_TS in self.percent)
        gap_N, share = self.gap_TS[rows_T, rows_S], BEFORE_VWAP
        market_N = np.float32(self.noise.market_scale**2) * self.draws.beta_S[rows_S] ** 2
        entry = share * own_NK[:, 0], share * shared_NK[:, 0] * self._shared(market_N)
        paid_N = paid(*entry, bound(down_N, gap_N, -1), bound(up_N, gap_N, 1), self.noise)
        at_worth = bound(down_N, np.zeros_like(gap_N), -1), bound(up_N, np.zeros_like(gap_N), 1)
        for h, horizon in enumerate(HORIZONS):
            sale = share * own_NK[:, horizon], share * shared_NK[:, horizon] * self._shared(market_N)
            sold_N = received(*sale, *at_worth, self.noise)
            found_NH[:, h] = paid_N * np.where(left_N > horizon, sold_N, 1.0) - 1.0
        return found_NH

    def _shared(self, market: Singles | float) -> Singles:
        """Variance of a session that securities share at a common volatility of 1, with what the market adds."""
        return np.asarray(market + self.noise.industry_scale**2 + self.noise.size_scale**2, np.float32)

    def _variances(self, rows_T: Places, rows_S: Places) -> tuple[Singles, Singles]:
        """Expected own variance, and square of the common volatility, of sessions t+1, t+2 ..., [N, K]."""
        law, ahead = self.noise, range(1, max(HORIZONS) + 2)
        own_slow_N, scale_N = self.draws.own_slow_TS[rows_T, rows_S], self.draws.scale_S[rows_S]
        shared_NK = np.stack([_expected_variance(self.draws, law, k)[rows_T] for k in ahead], axis=1)
        own_NK = np.empty_like(shared_NK)
        for k in ahead:
            own_N = _lognormal(own_slow_N, law.own_volatility_persistence**k, law.own_volatility_spread)
            common_T = _expected_variance(self.draws, law, k, law.own_part_of_volatility)
            own_NK[:, k - 1] = common_T[rows_T] * own_N * scale_N**2
        return own_NK, shared_NK

    def _noise_scale(self, rows_S: Places, daily_NH: Singles, own_NK: Singles, shared_NK: Singles) -> Singles:
        """Standard deviation that is not the market's, given the expected log return a session, [N, H]."""
        law, scale_N1 = self.noise, self.draws.scale_S[rows_S][:, None]
        weights_KH = np.zeros((own_NK.shape[1], len(HORIZONS)), np.float32)
        for h, horizon in enumerate(HORIZONS):
            weights_KH[: horizon + 1, h] = 1.0
            weights_KH[[0, horizon], h] = 1 - BEFORE_VWAP, BEFORE_VWAP
        own_NH = (own_NK @ weights_KH) * fall_factor(daily_NH / scale_N1, self.fall_norm, law.fall_noise)
        tail = law.own_tail
        own_NH *= np.float32(1 + tail.probability * (1 - tail.probability) * tail.shift**2)
        jumps = law.jump_probability * (law.jump_scale**2 + law.jump_mean**2) * (law.jump_scale > 0)
        shared_NH = (shared_NK @ weights_KH) * self._shared(0.0)
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


def _lognormal(slow: Singles, rho: float, spread: float, power: float = 1.0) -> Singles:
    """Expected square of exp(power * (spread * slow' - spread^2)); slow' has the mean rho * slow and unit variance."""
    known, rest = 2 * power * spread, 2 * spread**2 * (power**2 * (1 - rho**2) - power)
    return np.asarray(np.exp(np.float32(known * rho) * slow + np.float32(rest)))


def _expected_variance(draws: Draws, law: NoiseLaw, ahead: int, power: float = 1.0) -> Singles:
    """Expected square of the common volatility factor to a power, so many sessions after each, [T].

    `slow_T` is already that of the next session.
    """
    out, into = leaving(law)
    share = into / (into + out) if into else 0.0
    turbulent_T = share + (draws.is_turbulent_T - share) * (1 - out - into) ** ahead
    calm = (1.0 / (1.0 + law.turbulent_share * (law.turbulent_scale**2 - 1.0))) ** power
    level_T = _lognormal(draws.slow_T, law.volatility_persistence ** (ahead - 1), law.volatility_spread, power)
    return np.asarray(level_T * calm * (1.0 + (law.turbulent_scale ** (2 * power) - 1.0) * turbulent_T), np.float32)
