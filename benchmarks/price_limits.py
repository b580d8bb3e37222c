"""Price limits: computed limits against real trades, an independent rule book and the exchanges' own examples.

Three parts. Real A shares of 2012 to 2018: no trade may lie beyond the limits computed from reference price, board,
special treatment and date, and the limits must be those of the file. Random cases of 2005 to 2026 over every board,
special treatment, first sessions after the listing and the delisting period: each must agree with `marina-rules`; a
scope on which that book is silent or declares a gap is named and counted, and drawn again. The anchors, one by one.

The folder of real data is `../shared` beside the project, or what KINDLING_SHARED says.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import polars as pl

from assets.cleaning.price_limits import limit_prices
from benchmarks.independent_book import NO_LIMIT, oracle_limits, random_case, why_silent
from benchmarks.outcome import Demand, end, not_possible, options
from benchmarks.shared import SHARED

REAL = SHARED / "data" / "ashare_2012_2018" / "daily.parquet"
CASES, SEED = 20_000, 0
TIMED_ROWS = 20_000

# prev_close, security_id, board, session, is_st, limits
ANCHORS: tuple[tuple[float, str, str, date, bool, tuple[float, float]], ...] = (
    (2.55, "sh600000", "main", date(2015, 6, 1), False, (2.81, 2.30)),
    (10.05, "sh600000", "main", date(2015, 6, 1), False, (11.06, 9.05)),
    (0.04, "sz000001", "main", date(2025, 6, 3), False, (0.05, 0.03)),
    (0.04, "sh600000", "main", date(2020, 6, 1), False, (0.04, 0.04)),
    (12.35, "sh688001", "star", date(2021, 6, 1), False, (14.82, 9.88)),
    (10.0, "bj430001", "bse", date(2022, 6, 1), False, (13.0, 7.0)),
    (10.0, "sz300001", "chinext", date(2020, 8, 21), False, (11.0, 9.0)),
    (10.0, "sz300001", "chinext", date(2020, 8, 24), False, (12.0, 8.0)),
    (10.0, "sh600000", "main", date(2026, 7, 3), True, (10.5, 9.5)),
    (10.0, "sh600000", "main", date(2026, 7, 6), True, (11.0, 9.0)),
)


def main() -> int:
    """Print the three parts and the speed."""
    options(str(__doc__))
    if not REAL.exists():
        return not_possible(f"the folder of real data is absent: {REAL}; set KINDLING_SHARED to the folder shared")
    if importlib.util.find_spec("marina_rules") is None:
        return not_possible("the independent rule book is not installed: pip install marina-rules")
    rows = real_rows()
    trades = {**against_trades(rows), **without_share_reform(rows)}
    figures = {**trades, **against_the_book(), **against_anchors(), **speed(rows)}
    return end(
        figures,
        [
            Demand("broken_rows", 3, at_least=False),
            Demand("unexplained_rows", 0, at_least=False),
            Demand("unreformed_broken", 0, at_least=False),
            Demand("oracle_disagreements", 0, at_least=False),
            Demand("oracle_cases", CASES, at_least=True),
            Demand("anchors_missed", 0, at_least=False),
        ],
    )


def real_rows() -> pl.DataFrame:
    """The real bars, in the columns that `limit_prices` takes; no listing falls into their dates."""
    in_chinext = pl.col("code").str.starts_with("sz30")
    return pl.read_parquet(REAL).select(
        "name",
        "high",
        "low",
        "limit_up",
        "limit_down",
        session="date",
        security_id="code",
        board=pl.when(in_chinext).then(pl.lit("chinext")).otherwise(pl.lit("main")),
        is_st=pl.col("name").str.contains("ST"),
        listed_on=pl.lit(None, dtype=pl.Date),
        sessions_since_listing=pl.lit(None, dtype=pl.Int64),
        prev_close="preclose",
    )


def against_trades(rows: pl.DataFrame) -> dict[str, object]:
    """Rows with a trade beyond the computed limits, and rows whose limits are not those of the file."""
    given = rows.rename({"limit_up": "file_up", "limit_down": "file_down"})
    found = limit_prices(given).with_columns(
        before=pl.col("session").shift(1).over("security_id", order_by="session"),
        **{name: _cents(name) for name in ("high", "low", "limit_up", "limit_down", "file_up", "file_down")},
    )
    beyond = (pl.col("high") > pl.col("limit_up")) | (pl.col("low") < pl.col("limit_down"))
    broken = found.filter(beyond.fill_null(False))
    same = pl.col("limit_up").eq_missing(pl.col("file_up")) & pl.col("limit_down").eq_missing(pl.col("file_down"))
    unequal = found.filter(~same).with_columns(reason=_reason())
    first, last = found.select(first=pl.col("session").min(), last=pl.col("session").max()).row(0)
    print(f"real trades: {found.height:,} rows, {first} to {last}")
    _show("trades beyond the computed limits (the first session after a relisting has none)", broken)
    _show("limits unlike the file's, each with its reason", unequal)
    return {
        "rows": found.height,
        "broken_rows": broken.height,
        "unequal_rows": unequal.height,
        "unexplained_rows": unequal.filter(pl.col("reason") == "unexplained").height,
    }


def _reason() -> pl.Expr:
    """Why the file, which knows neither tick floors nor sessions without a limit, may say otherwise."""
    reference = _cents("prev_close")
    floored = (pl.col("limit_up") - reference == 1) | (reference - pl.col("limit_down") == 1)
    return (
        pl.when(pl.col("limit_up").is_null())
        .then(pl.lit("no limit by the rule book"))
        .when(floored)
        .then(pl.lit("one-tick floor"))
        .otherwise(pl.lit("unexplained"))
    )


def _show(title: str, rows: pl.DataFrame) -> None:
    print(f"  {title}: {rows.height}")
    for row in rows.iter_rows(named=True):
        rest = (
            f"{(row['session'] - row['before']).days} days after the row before" if row["before"] else "its first row"
        )
        ours, theirs = (_range(row[f"{who}_down"], row[f"{who}_up"]) for who in ("limit", "file"))
        print(
            f"    {row['security_id']} {row['session']} {row['name']} ({rest}): reference {row['prev_close']:.2f}, "
            f"traded {_range(row['low'], row['high'])}, computed {ours}, file {theirs} {row.get('reason', '')}"
        )


def without_share_reform(rows: pl.DataFrame) -> dict[str, object]:
    """Names with S for a share reform not done, which the file's columns do not tell: how far they traded."""
    unreformed = pl.col("name").str.contains("^(N|XD|XR|DR)?S([^T]|$)") & ~pl.col("is_st")
    found = limit_prices(rows.drop("limit_up", "limit_down").filter(unreformed).with_columns(is_unreformed=True))
    beyond = (pl.col("high") > pl.col("limit_up")) | (pl.col("low") < pl.col("limit_down"))
    touched = (pl.col("high") == pl.col("limit_up")) | (pl.col("low") == pl.col("limit_down"))
    many, outside, at = found.select(pl.len(), beyond=beyond.sum(), at=touched.sum()).row(0)
    print(
        f"share reform not done (S in the name, no ST: {', '.join(sorted(set(found['security_id'])))}): {many} rows; "
        f"with the rule book's band of 5% {outside} trade beyond the limits and {at} on them"
    )
    return {"unreformed_rows": many, "unreformed_broken": outside, "unreformed_on_limit": at}


def _range(low: int | None, high: int | None) -> str:
    return "no limit" if low is None or high is None else f"{low / 100:.2f} to {high / 100:.2f}"


def _cents(name: str) -> pl.Expr:
    return (pl.col(name) * 100).round().cast(pl.Int64)


def against_the_book() -> dict[str, object]:
    """Random cases on which the independent book says something else."""
    kept: list[dict[str, Any]] = []
    said: list[tuple[float | None, float | None]] = []
    silent: Counter[tuple[str, str]] = Counter()
    rng = np.random.default_rng(SEED)
    while len(kept) < CASES:
        case = random_case(rng)
        try:
            said.append(oracle_limits(case))
        except LookupError:
            silent[case["scope"], why_silent(case)] += 1
        else:
            kept.append(case)
    found = limit_prices(pl.DataFrame(kept, infer_schema_length=None))
    computed = found.select("limit_up", "limit_down").rows()
    wrong = [(case, ours, theirs) for case, ours, theirs in zip(kept, computed, said, strict=True) if ours != theirs]
    print(f"independent rule book: {len(kept):,} cases, seed {SEED}; disagreements by scope")
    missed = Counter(case["scope"] for case, _, _ in wrong)
    for scope, count in sorted(Counter(case["scope"] for case in kept).items()):
        print(f"  {scope:22} {count:6} cases {missed[scope]:4} disagreements")
    for case, ours, theirs in wrong[:10]:
        print(f"    {case['scope']} {case['session']} {case['prev_close']}: {ours}, the book says {theirs}")
    for (scope, why), count in sorted(silent.items()):
        print(f"  left out, {scope}: {count} cases; {why}")
    return {
        "oracle_cases": len(kept),
        "oracle_disagreements": len(wrong),
        "oracle_silent": sum(silent.values()),
        "unlimited_cases": sum(limits == NO_LIMIT for limits in said),
    }


def against_anchors() -> dict[str, object]:
    """Examples worked by hand and by the exchanges."""
    names = ["prev_close", "security_id", "board", "session", "is_st", "expected"]
    frame = pl.DataFrame([dict(zip(names[:-1], line[:-1], strict=True)) for line in ANCHORS]).with_columns(
        listed_on=pl.lit(None, dtype=pl.Date), sessions_since_listing=pl.lit(None, dtype=pl.Int64)
    )
    computed = limit_prices(frame).select("limit_up", "limit_down").rows()
    print("anchors")
    missed = 0
    for (price, _, board, session, is_st, expected), ours in zip(ANCHORS, computed, strict=True):
        missed += ours != expected
        kind = f"{board}{' ST' if is_st else ''}"
        print(
            f"  {price:6.2f} {kind:8} {session}  {ours[0]:6.2f} {ours[1]:6.2f}  {'' if ours == expected else 'MISSED'}"
        )
    return {"anchors": len(ANCHORS), "anchors_missed": missed}


def speed(rows: pl.DataFrame) -> dict[str, object]:
    """Rows a second over the frame, and how many times faster than one Decimal after the other."""
    frame = rows.drop("limit_up", "limit_down")
    limit_prices(frame)
    begun = time.perf_counter()
    limit_prices(frame)
    vectorised = frame.height / (time.perf_counter() - begun)
    some = frame.head(TIMED_ROWS).select("prev_close", "is_st").rows()
    begun = time.perf_counter()
    for price, is_st in some:
        decimal_limits(price, Decimal("0.05") if is_st else Decimal("0.10"))
    one_by_one = len(some) / (time.perf_counter() - begun)
    print(f"speed: {vectorised:,.0f} rows a second, {one_by_one:,.0f} one Decimal after the other, the band given")
    return {"rows_per_second": round(vectorised), "times_faster_than_decimal": round(vectorised / one_by_one, 1)}


def decimal_limits(price: float, band: Decimal) -> tuple[Decimal, ...]:
    """The two limits of one row by decimal arithmetic."""
    reference, cent = Decimal(str(price)), Decimal("0.01")
    return tuple((reference * (1 + side)).quantize(cent, ROUND_HALF_UP) for side in (band, -band))


if __name__ == "__main__":
    sys.exit(main())
