"""Agreement: how far a column of figures lies from another engine's, cell by cell."""
# S securities, T sessions

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Agreement:
    """One column against another engine's.

    worst        largest difference, relative to the other's value or to the column's standard deviation, whichever is
                 larger; 0 without a common cell
    share_apart  share of the common cells with a relative difference above `TOLERANCE`
    common       cells in which both have a value
    only_ours    cells in which only we have one
    only_theirs  cells in which only the other has one
    """

    worst: float
    share_apart: float
    common: int
    only_ours: int
    only_theirs: int

    @property
    def within(self) -> bool:
        """Whether both have values in the same cells, and everywhere nearly the same."""
        return self.worst <= TOLERANCE and not self.only_ours and not self.only_theirs and self.common > 0


def agreement(ours_ST: Wide, theirs_ST: Wide, where_ST: NDArray[np.bool_]) -> Agreement:
    """Compare the cells of a mask; NaN and infinity are no values."""
    ours, theirs = ours_ST[where_ST], theirs_ST[where_ST]
    has_ours, has_theirs = np.isfinite(ours), np.isfinite(theirs)
    both = has_ours & has_theirs
    deviation = float(np.std(theirs[has_theirs])) if has_theirs.any() else 0.0
    scale = np.maximum(np.abs(theirs[both]), deviation)
    gap = np.abs(ours[both] - theirs[both])
    relative = np.divide(gap, scale, out=np.where(gap > 0, np.inf, 0.0), where=scale > 0)
    return Agreement(
        worst=float(relative.max(initial=0.0)),
        share_apart=float(np.mean(relative > TOLERANCE)) if both.any() else 0.0,
        common=int(both.sum()),
        only_ours=int((has_ours & ~has_theirs).sum()),
        only_theirs=int((has_theirs & ~has_ours).sum()),
    )


def untouched(held_ST: NDArray[np.bool_], sessions: int) -> NDArray[np.bool_]:
    """Cells that have at least `sessions` before them and, since the first, no missing one, [S, T]."""
    unbroken_ST = np.logical_and.accumulate(held_ST, axis=1)
    return unbroken_ST & (np.arange(held_ST.shape[1]) >= sessions)
