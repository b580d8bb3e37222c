"""Top order: whether the names that would be bought are the right ones, as NDCG@k and precision@k beside chance.

The gain of a name is the tenth of its session's returns in which it lies, 0 for the worst to 9 for the best: ten times
the number of names that earned less, over the number of names, in whole numbers. The discount of place p is
1 / log2(1 + p) (Jarvelin, Kekalainen 2002). Both figures have a level that an order drawn at random reaches, which
stands beside them; only what lies above it is told by the forecast.
"""
# T sessions, S securities, K places

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from assets.evaluation.cases import Cases
from assets.evaluation.line import Line
from assets.evaluation.ordering import Flags, Floats, Places, ordered, tells

TENTHS = 10
BEST = TENTHS - 1


def top_order(cases: Cases, ks: Sequence[int]) -> list[Line]:
    """NDCG@k and precision@k of each k, what chance reaches, and what lies above it; names whose buy filled.

    Sessions with fewer than 2 k names are left out: the best k would be most of them.
    """
    gain_TS = gains(cases.realised, cases.counted)
    forecast_TS = np.where(cases.counted, cases.forecast_TS, np.nan)
    order_TS = ordered(-forecast_TS).order_TS
    placed_TS = np.take_along_axis(gain_TS, order_TS, axis=1)
    names_T = cases.counted.sum(axis=1)
    # One value for all orders nothing: the names would stand as they are spelled.
    tells_T = tells(forecast_TS)
    return [line for k in ks for line in _lines(placed_TS, names_T, tells_T & (names_T >= 2 * k), k, cases.horizon)]


def gains(return_TS: Floats, counts_TS: Flags) -> Places:
    """Tenth of its session's returns in which each case lies, 0 to 9; 0 for what does not count.

    Equal returns have equal gains, that of the lowest place among them.
    """
    values_TS = np.where(counts_TS, return_TS, np.nan)
    found_TS = np.zeros(values_TS.shape, dtype=np.intp)
    for t, counted_S in enumerate(counts_TS):
        earned_N = values_TS[t, counted_S]
        fewer_N = np.searchsorted(np.sort(earned_N), earned_N, side="left")
        found_TS[t, counted_S] = TENTHS * fewer_N // max(len(earned_N), 1)
    return found_TS


def ndcg(placed_TS: Places | Floats, k: int) -> Floats:
    """Discounted gain of the first k places over that of the best possible order, [T]; NaN where no gain is there.

    placed_TS  gains in the order of the forecast, best first
    """
    discount_K = 1 / np.log2(np.arange(2, k + 2))
    best_TK = -np.sort(-placed_TS, axis=1)[:, :k]
    ideal_T = (best_TK * discount_K[: best_TK.shape[1]]).sum(axis=1)
    reached_T = (placed_TS[:, :k] * discount_K[: best_TK.shape[1]]).sum(axis=1)
    found_T: Floats = np.where(ideal_T > 0, reached_T / np.where(ideal_T > 0, ideal_T, 1), np.nan)
    return found_T


def ndcg_by_chance(placed_TS: Places, names_T: Places, k: int) -> Floats:
    """The same of an order drawn at random, in the mean: every place has the mean gain, [T]."""
    discount_K = 1 / np.log2(np.arange(2, k + 2))
    ideal_T = (-np.sort(-placed_TS, axis=1)[:, :k] * discount_K[: placed_TS.shape[1]]).sum(axis=1)
    mean_T = placed_TS.sum(axis=1) / np.maximum(names_T, 1)
    found_T: Floats = np.where(ideal_T > 0, mean_T * discount_K.sum() / np.where(ideal_T > 0, ideal_T, 1), np.nan)
    return found_T


def _lines(placed_TS: Places, names_T: Places, tells_T: Flags, k: int, horizon: int) -> Iterator[Line]:
    best_TS = placed_TS == BEST
    found = {
        "ndcg": (ndcg(placed_TS, k), ndcg_by_chance(placed_TS, names_T, k)),
        "precision": (best_TS[:, :k].sum(axis=1) / k, best_TS.sum(axis=1) / np.maximum(names_T, 1)),
    }
    for metric, (reached_T, chance_T) in found.items():
        ends = {metric: reached_T, f"{metric}_by_chance": chance_T, f"{metric}_above_chance": reached_T - chance_T}
        for name, daily_T in ends.items():
            yield Line.of("top", f"best {k}", name, np.where(tells_T, daily_T, np.nan), horizon, "share", names_T)
