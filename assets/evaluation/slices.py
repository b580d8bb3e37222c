"""Slices: what the forecasts tell in each year, board, third of size, industry and state of the market.

Within a slice of names the forecasts are ranked among those names only: what a slice tells cannot come from choosing
between slices. Slices were known at the decision, but they are many: the best of them is partly luck.
"""
# T sessions, S securities, G slices

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from assets.evaluation.cases import Cases, Slicing
from assets.evaluation.line import Line
from assets.evaluation.ordering import LEFT_OUT, Flags, Floats, Ordered, Places, correlations, one_group, ordered

LEAST_NAMES = 5
"""Names of a slice in a session below which their order tells too little."""
WHOLE = "all"


@dataclass(frozen=True)
class Daily:
    """RankIC, IC and number of names in each session and slice, [T, G]."""

    ranked_TG: Floats
    plain_TG: Floats
    names_TG: Places

    def lines(self, kind: str, name: str, where_T: Flags | slice, place: int, horizon: int) -> Iterator[Line]:
        """The figures of one slice over some sessions."""
        for metric, daily_TG in (("rank_ic", self.ranked_TG), ("ic", self.plain_TG)):
            told_T, names_T = daily_TG[where_T, place], self.names_TG[where_T, place]
            yield Line.of(kind, name, metric, told_T, horizon, "correlation", names_T)


def slices(cases: Cases) -> list[Line]:
    """RankIC and IC of all cases, and of each slice of each kind, over the names whose buy filled."""
    x, y = ordered(cases.forecast_TS), ordered(cases.realised)
    whole = _daily(x, y, Slicing((WHOLE,), one_group(cases.counted)), cases)
    found = list(whole.lines(WHOLE, WHOLE, slice(None), 0, cases.horizon))
    for kind, slicing in cases.slicings.items():
        if slicing.whole_sessions:
            for place, name in enumerate(slicing.names):
                found += whole.lines(kind, name, slicing.group_TS[:, 0] == place, 0, cases.horizon)
        else:
            by_slice = _daily(x, y, slicing, cases)
            for place, name in enumerate(slicing.names):
                found += by_slice.lines(kind, name, slice(None), place, cases.horizon)
    return found


def _daily(x: Ordered, y: Ordered, slicing: Slicing, cases: Cases) -> Daily:
    group_TS = np.where(cases.counted, slicing.group_TS, LEFT_OUT)
    many = len(slicing.names)
    ranked_TG, names_TG = correlations(x.ranks(group_TS), y.ranks(group_TS), group_TS, many, LEAST_NAMES)
    plain_TG, _ = correlations(x.values_TS, y.values_TS, group_TS, many, LEAST_NAMES)
    return Daily(ranked_TG, plain_TG, names_TG)
