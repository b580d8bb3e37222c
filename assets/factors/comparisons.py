"""Comparisons: whether one value lies above or below another by more than rounding, in the sessions of the security."""

from __future__ import annotations

import numpy as np
from numba import vectorize

from assets.factors.rounding import SAME


@vectorize(cache=True)  # type: ignore[no-untyped-call, untyped-decorator]
def above(ours: float, theirs: float, listed: float) -> float:
    """1 where it does, else 0 in the sessions of the security, also without a value, and NaN in others."""
    return 1.0 if ours > theirs + SAME * abs(theirs) else (0.0 if listed > 0.0 else np.nan)


@vectorize(cache=True)  # type: ignore[no-untyped-call, untyped-decorator]
def below(ours: float, theirs: float, listed: float) -> float:
    """The same for a value that lies below."""
    return 1.0 if ours < theirs - SAME * abs(theirs) else (0.0 if listed > 0.0 else np.nan)
