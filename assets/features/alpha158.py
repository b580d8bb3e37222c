"""Alpha158: Qlib's 158 price and volume factors of a security after a session, one line each."""

from collections.abc import Callable
from typing import ClassVar

import dataframely as dy

from assets.factors.bar_inputs import (
    CLOSE,
    COLUMNS,
    HIGH,
    LOW,
    TRADED_CLOSE,
    TRADED_HIGH,
    TRADED_LOW,
    TRADED_OPEN,
    TRADED_VWAP,
    VOLUME,
    bar_inputs,
)
from assets.factors.expression import Expression, absolute, greater, less, log, ref
from assets.factors.factor import Factor, reach_of
from assets.factors.long_table import long_table
from assets.factors.operators import (
    corr,
    highest,
    lowest,
    mean,
    place_of_highest,
    place_of_lowest,
    quantile,
    rank,
    resi,
    rsquare,
    slope,
    std,
    total,
)
from assets.table import table
from expectations.tables import Bars, Calendar, Keyed

WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12

BEFORE, VOLUME_BEFORE = ref(CLOSE, 1), ref(VOLUME, 1)
RETURN = CLOSE / BEFORE
MOVED = absolute(RETURN - 1) * VOLUME
UP, DOWN = CLOSE > BEFORE, CLOSE < BEFORE
RISE, FALL, CHANGE = greater(CLOSE - BEFORE, 0), greater(BEFORE - CLOSE, 0), absolute(CLOSE - BEFORE)
MORE, FEWER = greater(VOLUME - VOLUME_BEFORE, 0), greater(VOLUME_BEFORE - VOLUME, 0)
TURN = absolute(VOLUME - VOLUME_BEFORE)
RANGE = TRADED_HIGH - TRADED_LOW + TINY
TOP, BOTTOM = greater(TRADED_OPEN, TRADED_CLOSE), less(TRADED_OPEN, TRADED_CLOSE)


def of_bar(known_as: str, expression: Expression, meaning: str) -> Factor:
    """A factor of the session's own bar; prices as traded, since within a session no adjustment matters."""
    return Factor(
        f"{known_as.lower().removesuffix('0')}_0d", expression, meaning, known_as=f"Qlib 0.9.7, Alpha158: {known_as}"
    )


def each(known_as: str, make: Callable[[int], Expression], meaning: str, unit: str = "ratio") -> tuple[Factor, ...]:
    """A factor for each of the five windows; `d` in the meaning stands for the window."""
    return tuple(
        Factor(
            f"{known_as.lower()}_{d}d",
            make(d),
            meaning.replace(" d ", f" {d} "),
            unit,
            f"Qlib 0.9.7, Alpha158: {known_as}{d}",
        )
        for d in WINDOWS
    )


# fmt: off
FACTORS = (
    of_bar("KMID", (TRADED_CLOSE - TRADED_OPEN) / TRADED_OPEN, "body of the bar over the open"),
    of_bar("KLEN", (TRADED_HIGH - TRADED_LOW) / TRADED_OPEN, "range of the bar over the open"),
    of_bar("KMID2", (TRADED_CLOSE - TRADED_OPEN) / RANGE, "body over the range"),
    of_bar("KUP", (TRADED_HIGH - TOP) / TRADED_OPEN, "upper shadow over the open"),
    of_bar("KUP2", (TRADED_HIGH - TOP) / RANGE, "upper shadow over the range"),
    of_bar("KLOW", (BOTTOM - TRADED_LOW) / TRADED_OPEN, "lower shadow over the open"),
    of_bar("KLOW2", (BOTTOM - TRADED_LOW) / RANGE, "lower shadow over the range"),
    of_bar("KSFT", (2 * TRADED_CLOSE - TRADED_HIGH - TRADED_LOW) / TRADED_OPEN, "close off the middle, over the open"),
    of_bar("KSFT2", (2 * TRADED_CLOSE - TRADED_HIGH - TRADED_LOW) / RANGE, "close off the middle, over the range"),
    of_bar("OPEN0", TRADED_OPEN / TRADED_CLOSE, "open over close"),
    of_bar("HIGH0", TRADED_HIGH / TRADED_CLOSE, "high over close"),
    of_bar("LOW0", TRADED_LOW / TRADED_CLOSE, "low over close"),
    of_bar("VWAP0", TRADED_VWAP / TRADED_CLOSE, "VWAP over close"),
    *each("ROC", lambda d: ref(CLOSE, d) / CLOSE, "close d sessions before over the close"),
    *each("MA", lambda d: mean(CLOSE, d) / CLOSE, "mean close of d sessions over the close"),
    *each("STD", lambda d: std(CLOSE, d) / CLOSE, "deviation of the close of d sessions over the close"),
    *each("BETA", lambda d: slope(CLOSE, d) / CLOSE, "slope of the close over d sessions", "closes per session"),
    *each("RSQR", lambda d: rsquare(CLOSE, d), "how straight the close ran for d sessions", "share of variance"),
    *each("RESI", lambda d: resi(CLOSE, d) / CLOSE, "close off the line through d sessions, over the close"),
    *each("MAX", lambda d: highest(HIGH, d) / CLOSE, "highest price of d sessions over the close"),
    *each("MIN", lambda d: lowest(LOW, d) / CLOSE, "lowest price of d sessions over the close"),
    *each("QTLU", lambda d: quantile(CLOSE, d, 0.8) / CLOSE, "upper fifth of the closes of d sessions over the close"),
    *each("QTLD", lambda d: quantile(CLOSE, d, 0.2) / CLOSE, "lower fifth of the closes of d sessions over the close"),
    *each("RANK", lambda d: rank(CLOSE, d), "rank of the close among those of d sessions", "fraction, 0 to 1"),
    *each("RSV", lambda d: (CLOSE - lowest(LOW, d)) / (highest(HIGH, d) - lowest(LOW, d) + TINY),
          "place of the close in the range of d sessions", "fraction, 0 to 1"),
    *each("IMAX", lambda d: place_of_highest(HIGH, d) / d, "place of the high among d sessions", "fraction, 0 to 1"),
    *each("IMIN", lambda d: place_of_lowest(LOW, d) / d, "place of the low among d sessions", "fraction, 0 to 1"),
    *each("IMXD", lambda d: (place_of_highest(HIGH, d) - place_of_lowest(LOW, d)) / d,
          "how much later the high came than the low among d sessions", "fraction, -1 to 1"),
    *each("CORR", lambda d: corr(CLOSE, log(VOLUME + 1), d), "close with log volume over d sessions", "correlation"),
    *each("CORD", lambda d: corr(RETURN, log(VOLUME / VOLUME_BEFORE + 1), d),
          "change of close with change of volume over d sessions", "correlation"),
    *each("CNTP", lambda d: mean(UP, d), "share of d sessions with a higher close", "fraction, 0 to 1"),
    *each("CNTN", lambda d: mean(DOWN, d), "share of d sessions with a lower close", "fraction, 0 to 1"),
    *each("CNTD", lambda d: mean(UP, d) - mean(DOWN, d), "rises less falls among d sessions", "fraction, -1 to 1"),
    *each("SUMP", lambda d: total(RISE, d) / (total(CHANGE, d) + TINY),
          "gains of d sessions over all changes of the close", "fraction, 0 to 1"),
    *each("SUMN", lambda d: total(FALL, d) / (total(CHANGE, d) + TINY),
          "losses of d sessions over all changes of the close", "fraction, 0 to 1"),
    *each("SUMD", lambda d: (total(RISE, d) - total(FALL, d)) / (total(CHANGE, d) + TINY),
          "gains less losses of d sessions over all changes of the close", "fraction, -1 to 1"),
    *each("VMA", lambda d: mean(VOLUME, d) / (VOLUME + TINY), "mean volume of d sessions over the volume"),
    *each("VSTD", lambda d: std(VOLUME, d) / (VOLUME + TINY), "deviation of the volume of d sessions over the volume"),
    *each("WVMA", lambda d: std(MOVED, d) / (mean(MOVED, d) + TINY),
          "deviation over mean of the price changes of d sessions, weighted by volume"),
    *each("VSUMP", lambda d: total(MORE, d) / (total(TURN, d) + TINY),
          "gains of volume in d sessions over all its changes", "fraction, 0 to 1"),
    *each("VSUMN", lambda d: total(FEWER, d) / (total(TURN, d) + TINY),
          "losses of volume in d sessions over all its changes", "fraction, 0 to 1"),
    *each("VSUMD", lambda d: (total(MORE, d) - total(FEWER, d)) / (total(TURN, d) + TINY),
          "gains less losses of volume in d sessions over all its changes", "fraction, -1 to 1"),
)
# fmt: on
LOOK_BACK = reach_of(FACTORS)


class Alpha158(Keyed):
    """Qlib's 158 factors by their definitions, as ratios; windows count sessions, suspended ones are holes in them."""

    asset_key: ClassVar[str] = "features/alpha158"
    is_sequence: ClassVar[bool] = False

    vars().update({factor.name: factor.column() for factor in FACTORS})


@table(look_back={"bars": LOOK_BACK, "calendar": LOOK_BACK})
def alpha158(bars: dy.LazyFrame[Bars], calendar: dy.LazyFrame[Calendar]) -> dy.LazyFrame[Alpha158]:
    """One row per traded bar: 158 trailing figures that use the session's own bar and earlier ones.

    Prices are adjusted and volume is divided by the adjustment factor. A number in a formula is one of the session as
    traded (1 share, 1e-12 yuan), so that nothing depends on the level of the factor. As in Qlib one session with a
    value is enough for most figures, so those of a young security come from a shorter window.
    """
    used = bars.select("session", "security_id", "is_suspended", *COLUMNS).collect()
    grid, wide = bar_inputs(used, calendar.select("session").collect()["session"])
    del used
    return Alpha158.cast(long_table(FACTORS, grid, wide).lazy())
