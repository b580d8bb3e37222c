"""Synthetic market: the embedded source, a market whose true expected returns are known.

In the world *signal* what is known after a session foretells. In *null_realistic* all is the same but for the planted
components: volatility, size, the last session and manipulated runs still earn what the truth says. In
*null_exchangeable* nothing foretells, and given what is known the tradable returns of a session are exchangeable across
its securities. A market is made whole from its spec and kept in memory, so a month read alone equals that month of the
whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from assets.sources.embedded.calendar import sessions_from
from assets.sources.embedded.events import EventLaw, Switches
from assets.sources.embedded.making import Market, make
from assets.sources.embedded.news import NewsLaw
from assets.sources.embedded.noise import NoiseLaw, Tail
from assets.sources.embedded.pumps import PumpLaw
from assets.sources.embedded.signal import Component
from assets.sources.embedded.truth import LIMITS, MARKET, PUMP, RESERVED, REVERSAL, SIZE, VOLATILITY
from assets.sources.embedded.volume import VolumeLaw
from expectations.facts import RAW_FACTS
from expectations.tables import RawBars, Table

GENERATOR_VERSION = 4
"""Raise it with every change of the generator that changes a number."""
TREND = Component(name="trend", driver="own_price", ic=0.0141, half_life=10, direction="reversal")
CONFIRMED_DRIFT = Component(name="confirmed_drift", driver="own_price", ic=0.0141, half_life=6, nonlinear_share=1)
LEAD_LAG = Component(name="lead_lag", driver="supply_chain", ic=0.02, half_life=3)
STATEMENTS = Component(name="statements", driver="statements", ic=0.02, half_life=20)
NEWS = Component(name="news", driver="news", ic=0.015, half_life=4)
POLICY = Component(name="policy", driver="policy", ic=0.01, half_life=8)
COMPONENTS = (TREND, CONFIRMED_DRIFT, LEAD_LAG, STATEMENTS, NEWS, POLICY)


class Premia(BaseModel):
    """What kinds of securities earn, apart from the planted components; RankIC at 5 sessions, as for components."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    volatility_ic: float = Field(0.01, ge=0, le=0.5, description="of quiet securities above wild ones")
    size_ic: float = Field(0.015, ge=0, le=0.5, description="of small securities above large ones")
    reversal_ic: float = Field(0.025, ge=0, le=0.5, description="of what fell between VWAP and close above what rose")
    reversal_half_life: float = Field(2.0, gt=0, le=500)


class SyntheticMarketSpec(BaseModel):
    """Everything that decides the embedded market; equal specs give equal markets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["synthetic_market"] = "synthetic_market"
    world: Literal["signal", "null_realistic", "null_exchangeable"] = Field(
        "signal",
        description="null_realistic is without components; null_exchangeable also without all by which securities "
        "differ: ST, limits, ticks, premia, runs, jumps, industries, and spreads of scale and beta",
    )
    seed: int = Field(0, ge=0)
    securities: int = Field(200, ge=2, le=9999)
    sessions: int = Field(1500, ge=2, le=10_000)
    first: date = Field(date(2011, 6, 1), ge=date(1996, 12, 16), description="no session lies before it")
    available_hour: int = Field(16, ge=15, le=19, description="hour of the session at which its bars could be known")
    components: tuple[Component, ...] = COMPONENTS
    premia: Premia = Premia()
    noise: NoiseLaw = NoiseLaw()
    volume: VolumeLaw = VolumeLaw()
    events: EventLaw = EventLaw()
    pumps: PumpLaw = PumpLaw()
    news: NewsLaw = NewsLaw()
    opening_prices: tuple[float, float] = Field((5.0, 30.0), description="range before the first session, yuan")
    switched_on: Switches = Switches()

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = [component.name for component in self.components]
        if len({*names, *RESERVED}) != len(names) + len(RESERVED):
            raise ValueError(f"components are named {names}; give each its own name, and none of {', '.join(RESERVED)}")
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
        silent = tuple(component.model_copy(update={"ic": 0.0}) for component in self.components)
        if self.world == "null_realistic":
            return self.model_copy(update={"components": silent})
        absent = ("st", "delistings", "issue_runs", "limits", "pumps", "premia", "reactions")
        return self.model_copy(
            update={
                "components": silent,
                "noise": self.noise.model_copy(
                    update={**dict.fromkeys(ALIKE, 0.0), "own_tail": Tail(), "market_tail": Tail()}
                ),
                "switched_on": self.switched_on.model_copy(update=dict.fromkeys(absent, False)),
            }
        )

    def first_session(self) -> date:
        """First session of the declared span."""
        return sessions_from(self.first, 1)[0]

    def last_session(self) -> date:
        """Last session of the declared span."""
        return sessions_from(self.first, self.sessions)[-1]

    def reached(self) -> date | None:
        """None: its span is over."""
        return None

    def offers(self) -> tuple[type[Table], ...]:
        """The raw tables of this market."""
        return (RawBars, *RAW_FACTS)

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """The rows of a raw table from `first` to `last`, both included."""
        return _made(self).read(table, first, last)

    def digests(self, table: type[Table], months: Sequence[date]) -> dict[date, str]:
        """What the source holds for each month; the same for all, since the spec decides every row."""
        content = f"{GENERATOR_VERSION} {self.model_dump_json()}"
        digest = hashlib.sha256(content.encode()).hexdigest()
        return dict.fromkeys(months, digest)

    def deliveries(self) -> pl.DataFrame:
        """The one delivery of this source and its number of bars."""
        rows = _made(self).tape.rows()
        return pl.DataFrame(
            {"delivery": ["synthetic_market"], "rows": [rows], "status": ["read"], "reason": [None]},
            schema_overrides={"reason": pl.String},
        )

    def truth(self, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """What the market's law says of each tradable label; no feature may see it.

        One row per session, security that trades in it, and horizon (1, 3, 5, 10), with a column for the market's own
        drift, each component, premium and manipulated run, their `total`: the expected simple return from the VWAP of
        session t+1 to that of session t+1+h given all that could be known after session t; and `noise_scale`, the
        standard deviation around it that is not the market's. Ask by month where a market is large.
        """
        return _made(self).truth.table(first or self.first_session(), last or self.last_session())

    def truth_parts(self) -> dict[str, str]:
        """Columns of the truth besides `total` and `noise_scale`, in their order -> what earns that return."""
        law = self.effective()
        premia = {
            REVERSAL: f"what fell between VWAP and close, RankIC {law.premia.reversal_ic:g}",
            VOLATILITY: f"quiet securities, RankIC {law.premia.volatility_ic:g}",
            SIZE: f"small securities, RankIC {law.premia.size_ic:g}",
        }
        return {
            MARKET: "drift of the market, the same for all",
            **{component.name: component.in_words() for component in law.components},
            **(premia if law.switched_on.premia else {}),
            PUMP: "runs that manipulators make, and their ends",
            LIMITS: "price limits at entry and exit",
        }


ALIKE = (
    "scale_spread", "beta_spread", "own_volatility_spread", "industry_scale", "size_scale", "jump_probability",
    "fall_noise",
)  # fmt: skip
"""Parts of the noise law by which securities differ, or by which what is known says how one will scatter."""


@lru_cache(maxsize=2)
def _made(spec: SyntheticMarketSpec) -> Market:
    """The whole market of a spec."""
    return make(spec.effective())
