"""Ranking: order within a session, and how well a forecast agrees with it."""
# N cells (a security in a session)

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ranks_within(values_N: NDArray[np.floating], sessions_N: NDArray[np.integer]) -> Floats:
    """Rank of each value among those of its session, 1 for the lowest, [N]; equal values share their mean rank."""
    order = np.lexsort((values_N, sessions_N))
    values, sessions = values_N[order], sessions_N[order]
    opens_session = np.append(True, sessions[1:] != sessions[:-1])[: len(order)]
    opens_tie = opens_session | np.append(True, values[1:] != values[:-1])[: len(order)]
    starts = np.flatnonzero(opens_tie)
    widths = np.diff(starts, append=len(order))
    session_starts = np.maximum.accumulate(np.where(opens_session, np.arange(len(order)), 0))[starts]
    ranks = np.empty(len(order))
    ranks[order] = np.repeat(starts - session_starts + (widths + 1) / 2, widths)
    return ranks


def normal_scores(values_N: NDArray[np.floating], sessions_N: NDArray[np.integer]) -> Floats:
    """Normal quantile of (rank - 1/2) / n within the session, [N]: mean 0, and no outlier weighs more than its rank."""
    _, places_N, counts = np.unique(sessions_N, return_inverse=True, return_counts=True)
    share_N = (ranks_within(values_N, sessions_N) - 0.5) / counts[places_N]
    scores: Floats = torch.special.ndtri(torch.from_numpy(share_N)).numpy()
    return scores


class RankIc:
    """Mean over sessions of the Spearman correlation across names, for forecasts of the same realised cells.

    A session with one forecast for all names counts as 0; one with fewer than two names, or with one outcome for all of
    them, does not count. ValueError when no session counts.
    """

    def __init__(self, realised_N: NDArray[np.floating], sessions_N: NDArray[np.integer]) -> None:
        _, self._sessions_N = np.unique(sessions_N, return_inverse=True)
        self._realised_N = _centred(ranks_within(realised_N, self._sessions_N), self._sessions_N)
        self._squares = np.bincount(self._sessions_N, weights=self._realised_N**2)
        if not (self._squares > 0).any():
            raise ValueError(
                f"{len(realised_N)} labelled cells hold no session with two different outcomes; a RankIC needs one. "
                "Lengthen the validation window or widen the universe."
            )

    def __call__(self, forecast_N: NDArray[np.floating]) -> float:
        """The RankIC of forecasts [N] of the cells."""
        forecast_N = _centred(ranks_within(forecast_N, self._sessions_N), self._sessions_N)
        products = np.bincount(self._sessions_N, weights=forecast_N * self._realised_N)
        norms = np.sqrt(np.bincount(self._sessions_N, weights=forecast_N**2) * self._squares)
        correlations = np.divide(products, norms, out=np.zeros_like(norms), where=norms > 0)
        return float(correlations[self._squares > 0].mean())


def _centred(values_N: Floats, places_N: NDArray[np.intp]) -> Floats:
    means: Floats = np.bincount(places_N, weights=values_N) / np.bincount(places_N)
    return values_N - means[places_N]
