"""Adversarial validation: whether inputs tell which session or security a row is, rather than what it is worth.

A column that parts earlier rows from later ones, that is one value for all names of a session, or that never changes
for a security, lets a model learn by heart what happened when and to whom. A small logistic regression on the inputs
of an experiment asks the same of all its columns together. Everything rests on ranks over all rows.
"""
# S securities, T sessions, K columns, N rows

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.session_ranks import session_ranks

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

PARTED = 0.95
"""Area under the curve above which one column alone parts earlier from later rows."""
IN_ORDER = 0.7
"""Agreement with the order of the sessions that it must have too; one clean step has .87."""
SESSION_TOLD = 0.995
"""Share of a column's variance between sessions above which it names them, as a counter does; volatility over 60
sessions reaches .94 where all names are exchangeable."""
SECURITY_TOLD = 0.999
"""The same between securities; ratios of statements, which move once a quarter, reach .985 in two years."""
LEAST_DAYS = 3 * 365
"""In fewer days a regime of volatility looks like a step, and a ratio of statements like an identifier."""
INPUTS_PARTED = 0.75
"""The same area for all inputs together, on sessions that the small model was not fitted on (honest: up to .61)."""
RAW_INPUTS_PARTED = 0.97
"""The same where some inputs are not in the terms of their session: prices and volatility drift (honest: up to .90)."""
FEWEST_ROWS = 200
RIDGE = 1e-3
STEPS = 6
ADVERSARIAL_COLUMNS = pl.Schema(
    {
        "table": pl.String(),
        "column": pl.String(),
        "rows": pl.Int64(),
        "area_later": pl.Float64(),
        "order_agreement": pl.Float64(),
        "session_share": pl.Float64(),
        "security_share": pl.Float64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
ADVERSARIAL_INPUTS = pl.Schema(
    {
        "experiment": pl.String(),
        "fold": pl.String(),
        "rows": pl.Int64(),
        "inputs": pl.Int64(),
        "area_test": pl.Float64(),
        "area_bound": pl.Float64(),
        "column": pl.String(),
        "area_column": pl.Float64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)


def adversarial_columns(table: str, columns: Mapping[str, Floats], sessions: Sequence[date]) -> pl.DataFrame:
    """By column, how well its values tell the half of the sample, the session and the security of a row.

    columns   name -> values [T, S], NaN where absent
    sessions  the T sessions in time order
    returns   ADVERSARIAL_COLUMNS; `area_later` is the chance that a later row exceeds an earlier one, the shares are
              of the variance of ranks and corrected for chance; a column with few rows or one value is not judged
    """
    rows = [{"table": table, "column": name, **_column(values_TS, sessions)} for name, values_TS in columns.items()]
    return pl.DataFrame(rows, schema=ADVERSARIAL_COLUMNS)


def _column(values_TS: Floats, sessions: Sequence[date]) -> dict[str, object]:
    session_N, security_N = np.nonzero(~np.isnan(values_TS))
    found: dict[str, object] = {"rows": len(session_N), "first_example": None, "passed": True}
    ranks_N = session_ranks(values_TS[session_N, security_N][None, :]).scaled_TS[0]
    if len(ranks_N) < FEWEST_ROWS or np.ptp(ranks_N) == 0:
        return found
    is_long = (sessions[-1] - sessions[0]).days >= LEAST_DAYS
    middle = len(sessions) // 2
    later_N = session_N >= middle
    area = area_under_curve(ranks_N, later_N)
    order = abs(float(np.corrcoef(ranks_N, session_N)[0, 1])) if np.ptp(session_N) else 0.0
    of_session, of_security = _share_between(ranks_N, session_N), _share_between(ranks_N, security_N)
    names_each = len(np.unique(ranks_N)) >= len(np.unique(security_N)) / 2
    parts = area is not None and abs(area - 0.5) + 0.5 > PARTED and order > IN_ORDER
    faults = {
        f"rows from {sessions[middle]} on are parted from those before": is_long and parts,
        "all names of a session have one value, by which it is known": of_session > SESSION_TOLD,
        "a security keeps its own value, by which it is known": is_long and of_security > SECURITY_TOLD and names_each,
    }
    said = [text for text, is_so in faults.items() if is_so]
    return {
        **found,
        "area_later": area,
        "order_agreement": order,
        "session_share": of_session,
        "security_share": of_security,
        "first_example": "; ".join(said) or None,
        "passed": not said,
    }


def adversarial_inputs(
    experiment: str,
    fold: str,
    columns: Sequence[str],
    train: Floats,
    test: Floats,
    sessions: tuple[Codes, Codes],
    bound: float = INPUTS_PARTED,
) -> pl.DataFrame:
    """How well a logistic regression on the inputs of one fold tells its test rows from its train rows.

    train, test  [N, K] inputs as the model is given them, NaN where absent (taken for the middle)
    sessions     a number for the session of each row, of train and of test; every second session is fitted on, the
                 others are told apart
    bound        the highest area that is believed
    returns      ADVERSARIAL_INPUTS, one row; `column` is the one that tells most by itself
    """
    x_NK = _pooled_ranks(np.concatenate([train, test]))
    is_test_N = np.arange(len(x_NK)) >= len(train)
    fitted_N = np.concatenate([_every_second(numbers) for numbers in sessions])
    weights_K = _logistic(x_NK[fitted_N], is_test_N[fitted_N])
    asked_NK, asked_N = x_NK[~fitted_N], is_test_N[~fitted_N]
    together = area_under_curve(session_ranks((asked_NK @ weights_K)[None, :]).scaled_TS[0], asked_N)
    alone = [area_under_curve(x_NK[:, place], is_test_N) for place in range(len(columns))]
    far_K = np.array([abs((area or 0.5) - 0.5) for area in alone])
    place = int(far_K.argmax())
    passed = together is None or together <= bound
    said = f"test rows are told from train rows by {together or 0.5:.3f} (believed {bound}), by this column alone by"
    row = {
        "experiment": experiment,
        "fold": fold,
        "rows": len(x_NK),
        "inputs": len(columns),
        "area_test": together,
        "area_bound": bound,
        "column": columns[place],
        "area_column": alone[place],
        "first_example": None if passed else f"{said} {0.5 + far_K[place]:.3f}",
        "passed": passed,
    }
    return pl.DataFrame([row], schema=ADVERSARIAL_INPUTS)


def area_under_curve(ranks_N: Floats, positive_N: NDArray[np.bool_]) -> float | None:
    """The chance that a positive row ranks above another, ties by half; null where one of the two is missing.

    ranks_N  ranks over all rows, less their mean, over their number
    """
    if positive_N.all() or not positive_N.any():
        return None
    return 0.5 + float(ranks_N[positive_N].mean() - ranks_N[~positive_N].mean())


def _share_between(values_N: Floats, groups_N: Codes) -> float:
    """Share of the variance that lies between groups, corrected for what chance gives to small ones; 0 at least."""
    _, places_N, counts = np.unique(groups_N, return_inverse=True, return_counts=True)
    total, groups = len(values_N), len(counts)
    if total <= groups:
        return 0.0
    means = np.bincount(places_N, weights=values_N) / counts
    within = float(((values_N - means[places_N]) ** 2).sum()) / (total - groups)
    return max(0.0, 1 - within / float(values_N.var(ddof=1)))


def _pooled_ranks(values_NK: Floats) -> Floats:
    """Each column as ranks over all rows, -1/2 .. 1/2, and 0 where absent."""
    ranks_NK: Floats = session_ranks(np.ascontiguousarray(values_NK.T)).scaled_TS.T
    return ranks_NK


def _every_second(sessions_N: Codes) -> NDArray[np.bool_]:
    _, places_N = np.unique(sessions_N, return_inverse=True)
    every_second_N: NDArray[np.bool_] = places_N % 2 == 0
    return every_second_N


def _logistic(x_NK: Floats, positive_N: NDArray[np.bool_]) -> Floats:
    """Weights of a logistic regression with a slight ridge, by a few Newton steps; both classes weigh the same."""
    share = positive_N.mean()
    weight_N = np.where(positive_N, 0.5 / max(share, 1e-12), 0.5 / max(1 - share, 1e-12))
    weights_K = np.zeros(x_NK.shape[1])
    for _ in range(STEPS):
        chance_N = 1 / (1 + np.exp(-np.clip(x_NK @ weights_K, -30, 30)))
        slope_K = x_NK.T @ (weight_N * (positive_N - chance_N)) - RIDGE * len(x_NK) * weights_K
        bend_N = weight_N * chance_N * (1 - chance_N)
        bend_KK = (x_NK * bend_N[:, None]).T @ x_NK + RIDGE * len(x_NK) * np.eye(len(weights_K))
        weights_K = weights_K + np.linalg.solve(bend_KK, slope_K)
    return weights_K
