"""Twins: rows of a later window that stand in an earlier one too, or nearly.

Rows that were copied or jittered before the split let a model recall what it should foretell. Two rows are alike for
honest reasons as well: a security that was not traded, or that publishes once a quarter, repeats its own last row, and
near the middle of the market many rows are close. So a row counts only where its twin is nearer than a tenth of both:
the way the security itself went since its last session, and the distance of the row to its tenth nearest. Where nothing
was told of a security all columns have the value that most rows have; such rows are not looked at.
"""
# S securities, T sessions, F features, N rows of the earlier window, B rows of the later one

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.fitting_truth import Laid

TWINS = pl.Schema(
    {
        "experiment": pl.String(),
        "fold": pl.String(),
        "boundary": pl.String(),
        "columns_compared": pl.Int64(),
        "rows_before": pl.Int64(),
        "rows_compared": pl.Int64(),
        "rows_twin": pl.Int64(),
        "share_twin": pl.Float64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
WINDOWS = {"train": 1, "valid": 2, "test": 3}
FEWEST_COLUMNS = 4
"""With fewer columns that tell rows apart, chance alone makes twins, and nothing is said."""
MOST_COLUMNS = 48
FEWEST_VALUES = 40
FEWEST_KNOWN = 0.5
COMMON = 0.02
"""Share of train rows from which on a value of a column is common: a row counts by what is not common in it."""
FEWEST_TOLD = 0.5
MOST_BEFORE = 20_000
MOST_LATER = 600
NEAR = 0.1
NEIGHBOURS = 10
LARGEST_SHARE = 0.05
"""Of rows with a twin. Prices have next to none; hashed words reach .02 where a company tells the same once more."""

Floats = NDArray[np.float32]


def twins(panel: Laid, fold: str, experiment: str, seed: int = 0) -> pl.DataFrame:
    """By boundary between windows, which of a sample of later rows have a twin among the earlier ones.

    Columns with few values tell no rows apart and are left out; the others are put into units of their deviation in
    train. At most 600 later and 20,000 earlier member rows are drawn, of which half the columns are known.

    returns  TWINS; `columns_compared` below 4 says that chance would make twins: such a panel passes unjudged
    """
    rng = np.random.default_rng(seed)
    columns, usual_F = _telling(panel, rng)
    told_ST = _is_told(panel, columns, usual_F)
    x_STF = _scaled(panel, columns) if len(columns) >= FEWEST_COLUMNS else None
    rows = []
    for before, later in combinations(WINDOWS, 2):
        told = {"experiment": experiment, "fold": fold, "boundary": f"{before}|{later}"}
        told["columns_compared"] = len(columns)  # type: ignore[assignment]
        if x_STF is None:
            rows.append(told | _found(0, 0, []))
            continue
        early = _drawn(panel, told_ST, before, MOST_BEFORE, rng)
        late = _drawn(panel, told_ST, later, MOST_LATER, rng)
        rows.append(told | _found(len(early[0]), len(late[0]), list(_twins(panel, x_STF, early, late))))
    return pl.DataFrame(rows, schema=TWINS)


Places = tuple[NDArray[np.intp], NDArray[np.intp]]


def _telling(panel: Laid, rng: np.random.Generator) -> tuple[NDArray[np.intp], Floats]:
    """Places of the columns with many values among rows of train, those with most first; their common value, or NaN."""
    securities, sessions = np.nonzero(panel.member_ST & (panel.segment_ST == WINDOWS["train"]))
    drawn = rng.permutation(len(securities))[:2000]
    rows_NF = panel.x_STF[securities[drawn], sessions[drawn]]
    in_order_NF = np.sort(rows_NF, axis=0)
    values_F = (np.diff(in_order_NF, axis=0) > 0).sum(axis=0)
    chosen = np.argsort(-values_F, kind="stable")[:MOST_COLUMNS]
    chosen = chosen[values_F[chosen] >= FEWEST_VALUES]
    return chosen, np.array([_common(in_order_NF[:, place]) for place in chosen], dtype=np.float32)


def _common(in_order_N: Floats) -> float:
    """The most common of sorted values where it is common at all, else NaN."""
    values, counts = np.unique(in_order_N[np.isfinite(in_order_N)], return_counts=True)
    most = int(counts.argmax())
    return float(values[most]) if counts[most] >= COMMON * len(in_order_N) else float("nan")


def _is_told(panel: Laid, columns: NDArray[np.intp], usual_F: Floats) -> NDArray[np.bool_]:
    """Cells [S, T] of which half the columns are known, and enough of them have no common value."""
    x_STF = panel.x_STF[:, :, columns]
    known_STF = np.isfinite(x_STF)
    if not len(columns):
        return np.zeros(x_STF.shape[:2], dtype=bool)
    told_ST = (known_STF & (x_STF != usual_F)).mean(axis=2)
    told: NDArray[np.bool_] = (told_ST >= FEWEST_TOLD) & (known_STF.mean(axis=2) >= FEWEST_KNOWN)
    return told


def _scaled(panel: Laid, columns: NDArray[np.intp]) -> Floats:
    x_STF = panel.x_STF[:, :, columns]
    rows_NF = x_STF[panel.member_ST & (panel.segment_ST == WINDOWS["train"])].astype(np.float64)
    # Quantiles: a few wild values must not make all others look alike.
    low_F, high_F = np.nanquantile(rows_NF, (0.16, 0.84), axis=0)
    width_F = np.where(high_F > low_F, (high_F - low_F) / 2, np.nanstd(rows_NF, axis=0))
    scaled: Floats = (x_STF / np.where(width_F > 0, width_F, 1.0)).astype(np.float32)
    return scaled


def _drawn(panel: Laid, told_ST: NDArray[np.bool_], window: str, most: int, rng: np.random.Generator) -> Places:
    securities, sessions = np.nonzero(panel.member_ST & (panel.segment_ST == WINDOWS[window]) & told_ST)
    drawn = np.sort(rng.permutation(len(securities))[:most])
    return securities[drawn], sessions[drawn]


def _twins(panel: Laid, x_STF: Floats, early: Places, late: Places) -> Iterator[str]:
    """In words, each later row that is nearer to an earlier one than chance and its own past explain."""
    if len(early[0]) <= NEIGHBOURS or not len(late[0]):
        return
    early_NF, late_BF = np.nan_to_num(x_STF[early]), np.nan_to_num(x_STF[late])
    past_BF = np.nan_to_num(x_STF[late[0], np.maximum(late[1] - 1, 0)])
    moved_B = np.sqrt(((late_BF - past_BF) ** 2).sum(axis=1))
    squares_BN = _squared_distances(late_BF, early_NF)
    nearest_BK = np.argpartition(squares_BN, NEIGHBOURS, axis=1)[:, : NEIGHBOURS + 1]
    # The product loses what is close: the nearest are measured again, one by one.
    apart_BK = np.sqrt(((early_NF[nearest_BK] - late_BF[:, None]) ** 2).sum(axis=2))
    in_order_BK = np.sort(apart_BK, axis=1)
    usual_B = np.minimum(moved_B, in_order_BK[:, -1])
    for place in np.flatnonzero(in_order_BK[:, 0] < NEAR * usual_B):
        twin = nearest_BK[place, apart_BK[place].argmin()]
        yield (
            f"{_words(panel, late, place)} stands at {_words(panel, early, twin)} too, {in_order_BK[place, 0]:.2g} "
            f"deviations apart where {usual_B[place]:.2g} are usual"
        )


def _squared_distances(late_BF: Floats, early_NF: Floats) -> Floats:
    products_BN = late_BF @ early_NF.T
    squares: Floats = (late_BF**2).sum(axis=1)[:, None] - 2 * products_BN + (early_NF**2).sum(axis=1)
    return squares


def _words(panel: Laid, places: Places, place: np.intp) -> str:
    return f"{panel.grid.securities[places[0][place]]} {panel.grid.sessions[places[1][place]]}"


def _found(before: int, later: int, examples: list[str]) -> dict[str, object]:
    share = len(examples) / later if later else 0.0
    return {
        "rows_before": before,
        "rows_compared": later,
        "rows_twin": len(examples),
        "share_twin": share,
        "first_example": examples[0] if examples else None,
        "passed": share <= LARGEST_SHARE,
    }
