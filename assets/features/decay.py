"""Decay: how much what is some sessions old still counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def decay(half_life: float, sessions: int) -> NDArray[np.float64]:
    """Weights of what is 0, 1, ... `sessions` - 1 sessions old, halved every `half_life` sessions; nothing is older."""
    return np.exp2(-np.arange(sessions) / half_life)
