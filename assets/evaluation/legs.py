"""Legs: the names called best and the names called worst, each side for itself.

Only the long leg can be traded: in this market a name can hardly be sold short. What the spread of best over worst owes
to the worst is therefore of no use to a buyer, but for leaving them out.
"""
# T sessions, S securities

from __future__ import annotations

import numpy as np

from assets.evaluation.cases import Cases
from assets.evaluation.line import Line
from assets.evaluation.ordering import Flags, Floats, Places, one_group, ordered, tells

TENTHS = 10
RETURN = "simple return"


def legs(cases: Cases, k: int) -> list[Line]:
    """Return of the best and of the worst tenth and of the best k, each less the mean of all; hit rates by side.

    Names whose buy filled, before costs, over the horizon. A session whose forecast is one value for all tells nothing.
    A hit is a name called better than the mean forecast that earned more than the mean return, or called worse and
    earned less; its chance level is how many names earned so, which is not one half.
    """
    x_TS, y_TS = (np.where(cases.counted, of_TS, np.nan) for of_TS in (cases.forecast_TS, cases.realised))
    names_T = cases.counted.sum(axis=1)
    places_TS = ordered(x_TS).ranks(one_group(cases.counted)) - 1
    mean_T, called_T = _mean(y_TS, cases.counted), _mean(x_TS, cases.counted)
    tells_T = (names_T >= TENTHS) & tells(x_TS)
    last_T1 = names_T[:, None] - 1
    # Ten times a place against the number of names: whole numbers, but for ties, whose places are halves.
    best_TS, worst_TS = TENTHS * (last_T1 - places_TS) < names_T[:, None], TENTHS * places_TS < names_T[:, None]
    chosen_TS = (last_T1 - places_TS < k) & (names_T[:, None] >= 2 * k)
    found = {
        ("long leg, best tenth", "excess_return"): _mean(y_TS, best_TS) - mean_T,
        (f"long leg, best {k}", "excess_return"): _mean(y_TS, chosen_TS) - mean_T,
        ("short side, worst tenth", "excess_return"): _mean(y_TS, worst_TS) - mean_T,
    }
    lines = [_line(kind, metric, daily_T, tells_T, names_T, cases.horizon) for (kind, metric), daily_T in found.items()]
    called_up_TS, called_down_TS = x_TS > called_T[:, None], x_TS < called_T[:, None]
    rose_TS, fell_TS = y_TS > mean_T[:, None], y_TS < mean_T[:, None]
    sides = {"called to rise": (called_up_TS, rose_TS), "called to fall": (called_down_TS, fell_TS)}
    for part, (called_TS, came_TS) in sides.items():
        rate_T, base_T = (_mean(came_TS.astype(float), of_TS) for of_TS in (called_TS, cases.counted))
        for metric, daily_T in (("hit_rate", rate_T), ("base_rate", base_T), ("hit_rate_above_base", rate_T - base_T)):
            lines.append(_line(part, metric, daily_T, tells_T, names_T, cases.horizon))
    return lines


def _line(part: str, metric: str, daily_T: Floats, tells_T: Flags, names_T: Places, horizon: int) -> Line:
    unit = RETURN if metric == "excess_return" else "share"
    return Line.of("side", part, metric, np.where(tells_T, daily_T, np.nan), horizon, unit, names_T)


def _mean(values_TS: Floats, where_TS: Flags) -> Floats:
    """Mean of each session over some of its cases, [T]; NaN where there are none."""
    many_T = where_TS.sum(axis=1)
    total_T = np.where(where_TS, values_TS, 0.0).sum(axis=1)
    found_T: Floats = np.where(many_T > 0, total_T / np.maximum(many_T, 1), np.nan)
    return found_T
