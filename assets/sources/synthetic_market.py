"""Synthetic market: the embedded source of bars, a market whose true expected returns are known.

In the world *signal* what is known after a session foretells; in *null_exchangeable* nothing does, and given what is
known the tradable returns of a session are exchangeable across its securities. A market is made whole from its spec and
kept in memory, so a month read alone equals that month of the whole.
"""
# C components, T sessions, S securities

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, Self

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from assets.sources.market_bars import bars
from assets.sources.market_calendar import sessions_from
from assets.sources.market_events import Switches, draw_events
from assets.sources.market_noise import Floats, NoiseLaw, VolumeLaw, draw_noise, opening_prices
from assets.sources.market_path import Signal, walk
from assets.sources.market_signal import Component
from assets.sources.market_truth import PREMIUM, TOTAL, Truth
from expectations.tables import RawBars, Table

GENERATOR_VERSION = 1
"""Raise it with every change of the generator that changes a number."""
TREND = Component(name="trend", daily_ic=0.0125, half_life=10, nonlinear_share=0, direction="reversal")
CONFIRMED_DRIFT = Component(name="confirmed_drift", daily_ic=0.0268, half_life=6, nonlinear_share=1)


class SyntheticMarketSpec(BaseModel):
    """Everything that decides the embedded market; equal specs give equal markets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["synthetic_market"] = "synthetic_market"
    world: Literal["signal", "null_exchangeable"] = Field(
        "signal",
        description="null_exchangeable also turns off ST, limits, premia, jumps, and spreads of scale and beta",
    )
    seed: int = Field(0, ge=0)
    securities: int = Field(200, ge=2, le=9999)
    sessions: int = Field(1500, ge=2, le=10_000)
    first: date = Field(date(2011, 6, 1), ge=date(1996, 12, 16), description="no session lies before it")
    available_hour: int = Field(16, ge=15, le=23, description="hour of the session at which its bars could be known")
    components: tuple[Component, ...] = (TREND, CONFIRMED_DRIFT)
    noise: NoiseLaw = NoiseLaw()
    volume: VolumeLaw = VolumeLaw()
    opening_prices: tuple[float, float] = Field((25.0, 120.0), description="range before the first session, yuan")
    premium_ic: float = Field(0.01, ge=0, le=0.5, description="daily premium of quiet securities in noise scales")
    switched_on: Switches = Switches()

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = [component.name for component in self.components]
        if len({*names, PREMIUM, TOTAL}) != len(names) + 2:
            raise ValueError(f"components are named {names}; give each its own name, and none 'premium' or 'total'")
        return self

    @model_validator(mode="after")
    def _prices_are_a_range(self) -> Self:
        lowest, highest = self.opening_prices
        if not 1 <= lowest <= highest:
            raise ValueError(f"opening_prices are {lowest} to {highest} yuan; give the lower end first, from 1 yuan up")
        return self

    def effective(self) -> SyntheticMarketSpec:
        """The spec with all off that its world does not have; a world without a signal keeps sizes and habits."""
        if self.world == "signal":
            return self
        flat = {"scale_spread": 0.0, "beta_spread": 0.0, "jump_probability": 0.0}
        absent = {"st": False, "limits": False, "premia": False}
        return self.model_copy(
            update={
                "components": (),
                "noise": self.noise.model_copy(update=flat),
                "switched_on": self.switched_on.model_copy(update=absent),
            }
        )

    def first_session(self) -> date:
        """First session of the declared span."""
        return sessions_from(self.first, 1)[0]

    def last_session(self) -> date:
        """Last session of the declared span."""
        return sessions_from(self.first, self.sessions)[-1]

    def offers(self) -> tuple[type[Table], ...]:
        """The raw tables of this market."""
        return (RawBars,)

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """The rows of a raw table from `first` to `last`, both included."""
        return _made(self).bars.filter(pl.col("session").is_between(first, last))

    def digests(self, table: type[Table], months: Sequence[date]) -> dict[date, str]:
        """What the source holds for each month; the same for all, since the spec decides every row."""
        content = f"{GENERATOR_VERSION} {self.model_dump_json()}"
        digest = hashlib.sha256(content.encode()).hexdigest()
        return dict.fromkeys(months, digest)

    def deliveries(self) -> pl.DataFrame:
        """The one delivery of this source and its number of rows."""
        return pl.DataFrame(
            {"delivery": ["synthetic_market"], "rows": [_made(self).bars.height], "status": ["read"], "reason": [None]},
            schema_overrides={"reason": pl.String},
        )

    def truth(self, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """What the market's law says of each tradable label; no feature may see it.

        One row per session, security that trades in it, horizon (1, 3, 5, 10) and component (those of the spec, premium
        where there is one, and their total): `expected_return`, the expected simple return from the VWAP of session t+1
        to that of session t+1+h given all bars up to t, without the market's own drift; `noise_scale`, the standard
        deviation around it that is the security's own, without the market factor. The half of session t+1's drift that
        comes before its VWAP is not in it. Limits, suspensions and jumps during the holding are left out of account.
        """
        market = _made(self)
        return market.truth.table(first or self.first_session(), last or self.last_session())


@dataclass(frozen=True)
class Market:
    """A market made whole."""

    bars: pl.DataFrame
    truth: Truth


@lru_cache(maxsize=2)
def _made(spec: SyntheticMarketSpec) -> Market:
    """The whole market of a spec."""
    law = spec.effective()
    has_limits = law.switched_on.limits
    sessions = sessions_from(law.first, law.sessions)
    noise = draw_noise(law.seed, law.sessions, law.securities, law.noise, law.volume)
    events = draw_events(law.seed, sessions, law.securities, law.switched_on)
    signal = Signal(law.components, law.volume.spike_probability, _premium(law, noise.scale_S))
    price_S = opening_prices(law.seed, law.securities, *law.opening_prices)
    path = walk(price_S, noise, events, signal, has_limits=has_limits)
    frame = bars(sessions, events, noise, path, has_limits=has_limits, available_hour=law.available_hour)
    trades_TS = events.is_listed_TS & ~events.is_suspended_TS
    truth = Truth(sessions, events.securities, signal, path.state_CTS, noise.scale_S, trades_TS)
    return Market(frame, truth)


def _premium(law: SyntheticMarketSpec, scale_S: Floats) -> Floats:
    """Log return a session that quiet securities earn above wild ones, [S]; 0 where premia are off."""
    if not law.switched_on.premia or law.noise.scale_spread == 0:
        return np.zeros_like(scale_S)
    quietness_S = -np.log(scale_S / law.noise.daily_scale) / law.noise.scale_spread
    return law.premium_ic * scale_S * quietness_S
