"""Market truth: the expected return and the noise scale of each tradable label, by the market's own law."""
# C components with premium and total, H horizons, T sessions, S securities, N traded sessions of all securities

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from assets.sources.market_noise import Bools, Floats
from assets.sources.market_path import Signal
from assets.sources.market_signal import holding_noise

HORIZONS = (1, 3, 5, 10)
PREMIUM, TOTAL = "premium", "total"


@dataclass(frozen=True)
class Truth:
    """What the law says after each session, in the axes of the market."""

    sessions: tuple[date, ...]
    securities: tuple[str, ...]
    signal: Signal
    state_CTS: Floats
    scale_S: Floats
    trades_TS: Bools

    def table(self, first: date, last: date) -> pl.DataFrame:
        """The truth of sessions `first` to `last`: a row per session, security that trades, horizon and component.

        Columns session, security_id, horizon, component, expected_return, noise_scale.
        """
        inside = [t for t, session in enumerate(self.sessions) if first <= session <= last]
        span = slice(inside[0], inside[-1] + 1) if inside else slice(0)
        rows_T, rows_S = np.nonzero(self.trades_TS[span])
        names = [component.name for component in self.signal.components]
        names += [PREMIUM, TOTAL] if self.signal.premium_S.any() else [TOTAL]
        expected_NHC = np.stack([self._expected(span, h)[:, rows_T, rows_S].T for h in HORIZONS], axis=1)
        scale_NH = self.scale_S[rows_S, None] * [holding_noise(horizon) for horizon in HORIZONS]
        rows, repeats = len(rows_T), len(HORIZONS) * len(names)
        places = np.tile(np.arange(len(names)), rows * len(HORIZONS))
        return pl.DataFrame(
            {
                "session": pl.Series(self.sessions[span], dtype=pl.Date).gather(np.repeat(rows_T, repeats)),
                "security_id": pl.Series(self.securities, dtype=pl.String).gather(np.repeat(rows_S, repeats)),
                "horizon": np.tile(np.repeat(np.array(HORIZONS, np.int32), len(names)), rows),
                "component": pl.Series(names, dtype=pl.String).gather(places),
                "expected_return": np.expm1(expected_NHC).ravel(),
                "noise_scale": np.repeat(scale_NH.ravel(), len(names)),
            }
        )

    def _expected(self, span: slice, horizon: int) -> Floats:
        """Expected log return of a holding, [C, T, S]: components, the premium where there is one, and the total."""
        components = self.signal.components
        daily_C11 = np.array([c.daily_ic * c.held_drift(horizon) for c in components]).reshape(-1, 1, 1)
        parts_CTS = daily_C11 * self.scale_S * self.state_CTS[:, span]
        if self.signal.premium_S.any():
            premium_TS = np.broadcast_to(horizon * self.signal.premium_S, parts_CTS.shape[1:])
            parts_CTS = np.concatenate([parts_CTS, premium_TS[None]])
        return np.concatenate([parts_CTS, parts_CTS.sum(axis=0, keepdims=True)])
