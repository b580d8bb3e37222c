"""Codes: securities as vendors write them and as we do (exchange in lower case, six digits), and their boards."""

from __future__ import annotations

import polars as pl

SECURITY_ID = r"^(sh|sz|bj)\d{6}$"
BOARDS = {
    "star": r"^sh68[89]",
    "main": r"^(sh60|sz00[0-3])",
    "chinext": r"^sz30[0-2]",
    "bse": r"^bj(43|82|83|87|88|92)",
}


def dotted(security_id: str) -> str:
    """sh600000 as sh.600000."""
    return f"{security_id[:2]}.{security_id[2:]}"


def suffixed(security_id: str) -> str:
    """sh600000 as 600000.SH."""
    return f"{security_id[2:]}.{security_id[:2].upper()}"


def from_dotted(code: pl.Expr) -> pl.Expr:
    """sh.600000 as sh600000."""
    return code.str.replace(".", "", literal=True).str.to_lowercase()


def from_suffixed(code: pl.Expr) -> pl.Expr:
    """600000.SH as sh600000."""
    return (code.str.slice(7) + code.str.slice(0, 6)).str.to_lowercase()


def from_digits(code: pl.Expr) -> pl.Expr:
    """600000 as sh600000; shares only, since an index may have the same digits as a share of the other exchange."""
    digits = code.str.zfill(6)
    exchange = (
        pl.when(digits.str.contains(r"^(60|68|900)"))
        .then(pl.lit("sh"))
        .when(digits.str.contains(r"^(00|30|20)"))
        .then(pl.lit("sz"))
        .otherwise(pl.lit("bj"))
    )
    return exchange + digits


def board(security_id: pl.Expr) -> pl.Expr:
    """Board by code; null for what is no A share, which cleaning then refuses."""
    found = pl.lit(None, dtype=pl.String)
    for name, pattern in BOARDS.items():
        found = pl.when(security_id.str.contains(pattern)).then(pl.lit(name)).otherwise(found)
    return found
