"""Tariff: lots, fees and taxes of each session, from the rule book into the arrays that the executor reads."""
# T sessions, B boards, X exchanges, P periods of the dividend tax, H holding phases

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.cleaning.dividend_tax import holding_edges, taxes_by_session
from assets.cleaning.lot_sizes import lots_by_session
from assets.cleaning.rule_book import EXCHANGES
from assets.cleaning.trading_costs import rates, refuse_above_cap
from assets.evaluation.executor import BILLION, RATES, Tariff


def dated(sessions: Sequence[date], commission: float, taxed: bool = True) -> Tariff:
    """The rules of their day, for a broker's commission.

    commission  share of an order's value, a whole number of billionths
    raises      ValueError for a commission above the cap, and for sessions before the rule book begins
    """
    found = {exchange: rates(sessions, exchange) for exchange in EXCHANGES}
    any_one = found[EXCHANGES[0]]
    refuse_above_cap(commission, any_one)
    period_T, tax_PH = taxes_by_session(sessions)
    columns = {
        "commission_buy": _billionths(np.full(len(sessions), commission)),
        "commission_sell": _billionths(np.full(len(sessions), commission)),
        "minimum": np.rint(any_one["commission_minimum"].to_numpy() * 100),
        "duty_buy": _billionths(any_one["stamp_duty_buy"].to_numpy()),
        "duty_sell": _billionths(any_one["stamp_duty_sell"].to_numpy()),
        "period": period_T,
        **{f"transfer_{where}": _billionths(found[where]["transfer_fee"].to_numpy()) for where in EXCHANGES},
        **{
            f"by_share_{where}": _billionths(found[where]["transfer_fee_per_share"].to_numpy() * 100)
            for where in EXCHANGES
        },
    }
    return _with(free(sessions), columns)._replace(tax_PH=tax_PH if taxed else np.zeros_like(tax_PH))


def free(sessions: Sequence[date]) -> Tariff:
    """The same lots, without fees and taxes."""
    month_T, year_T = holding_edges(sessions)
    nothing = Tariff(
        lots_QTB=np.stack(lots_by_session(sessions)),
        rates_TQ=np.zeros((len(sessions), len(RATES)), dtype=np.int64),
        tax_PH=np.zeros((1, 3)),
    )
    return _with(nothing, {"month": month_T, "year": year_T})


def taxed_only(sessions: Sequence[date]) -> Tariff:
    """The lots and the taxes on dividends of their day, without fees."""
    period_T, tax_PH = taxes_by_session(sessions)
    return _with(free(sessions), {"period": period_T})._replace(tax_PH=tax_PH)


def flat(sessions: Sequence[date], buy: float, sell: float, minimum: float) -> Tariff:
    """One rate for each side at all times, and a least fee in yuan an order; the lots of their day."""
    columns = {
        "commission_buy": _billionths(np.full(len(sessions), buy)),
        "commission_sell": _billionths(np.full(len(sessions), sell)),
        "minimum": np.full(len(sessions), round(minimum * 100)),
    }
    return _with(free(sessions), columns)


def _with(tariff: Tariff, columns: Mapping[str, NDArray[Any]]) -> Tariff:
    rates_TQ = tariff.rates_TQ.copy()
    for name, column_T in columns.items():
        rates_TQ[:, RATES.index(name)] = column_T
    return tariff._replace(rates_TQ=rates_TQ)


def _billionths(rates_T: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.rint(rates_T * BILLION)
