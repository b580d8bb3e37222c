"""Trading: how forecasts become orders, as an experiment states it."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assets.cleaning.trading_costs import TYPICAL_COMMISSION
from assets.evaluation.exchange import Price
from assets.evaluation.executor import Rules


class TradingSpec(BaseModel):
    """How forecasts become orders.

    holding              'sleeves': after each session the `top_k` best are bought for 1 / hold_sessions of the net
                         asset value and sold hold_sessions later; 'dropout': `top_k` names are held, and after each
                         session the worst `drop` are sold and as many of the best bought
    top_k                names bought after each session, or held
    drop                 names that drop out in a session
    hold_sessions        sessions from entry to the planned exit; as many sleeves overlap
    take_profit          gain over the price paid at which a position is sold, from the session after its entry on
    capital              yuan at the start; cash earns nothing
    price                at which orders fill
    participation        largest share of the usual volume (median of 20 sessions) traded in a session; null: all
    impact               Y of the price moved by Y * sigma * sqrt(shares / usual volume), sigma that of 20 sessions. An
                         order spread over the session pays about two thirds of what its end moves the price
    strict               refuse also a buy of what closes at its upper limit, and a sale of what closes at its lower one
    commission           share of an order's value, exchange and regulator's fees included; at least CNY 5 an order
    fees                 'dated' charges the rule book, 'none' charges nothing
    dividend_tax         'dated' taxes dividends by the time held when shares are sold, 'none' does not
    max_probability_std  names whose stated probability is less sure than that are not bought
    max_noise_scale      names whose stated noise is larger than that are not bought
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    holding: Literal["sleeves", "dropout"] = "sleeves"
    top_k: int = Field(default=50, ge=1)
    drop: int = Field(default=5, ge=1)
    hold_sessions: int = Field(default=5, ge=1)
    take_profit: float | None = Field(default=None, gt=0)
    capital: float = Field(default=10_000_000, gt=0, le=1e12)
    price: Price = "vwap"
    participation: float | None = Field(default=0.1, gt=0, le=1)
    impact: float = Field(default=0.7, ge=0)
    strict: bool = False
    commission: float = Field(default=TYPICAL_COMMISSION, ge=0, le=0.003)
    fees: Literal["dated", "none"] = "dated"
    dividend_tax: Literal["dated", "none"] = "dated"
    max_probability_std: float | None = Field(default=None, gt=0)
    max_noise_scale: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _drop_is_part_of_what_is_held(self) -> Self:
        if self.holding == "dropout" and self.drop > self.top_k:
            raise ValueError(f"drop was {self.drop}, above top_k {self.top_k}; no more can drop out than are held")
        return self

    @property
    def starting_sessions(self) -> int:
        """Sessions in which the money is put to work: one for each sleeve, or one; they count in no return."""
        return self.hold_sessions if self.holding == "sleeves" else 1

    @property
    def gates(self) -> dict[str, float]:
        """The columns of the forecasts above whose bound a name is not bought."""
        bounds = {"probability_std": self.max_probability_std, "noise_scale": self.max_noise_scale}
        return {column: bound for column, bound in bounds.items() if bound is not None}

    def rules(self) -> Rules:
        """What the executor is told."""
        return Rules(
            dropout=self.holding == "dropout",
            top_k=self.top_k,
            drop=self.drop,
            hold=self.hold_sessions,
            take_profit=math.inf if self.take_profit is None else self.take_profit,
            capital=float(round(self.capital * 100)),
            participation=math.inf if self.participation is None else self.participation,
            impact=self.impact,
            taxed=self.dividend_tax == "dated",
        )
