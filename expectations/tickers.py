"""Tickers: the codes under which the exchange quotes securities; a reused one is told apart by the date of its life."""

from __future__ import annotations

import polars as pl

OF = "@"


def ticker(security_id: pl.Expr) -> pl.Expr:
    """The ticker under which the exchange quotes a security: its id without the date of its life."""
    return security_id.str.split(OF).list.first()


def reborn(ticker: pl.Expr, since: pl.Expr) -> pl.Expr:
    """The id of a security that bears a ticker which another bore before: ticker@date of its first session."""
    return pl.format("{}" + OF + "{}", ticker, since)
