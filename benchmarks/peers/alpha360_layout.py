"""Alpha360 layout: windows as Qlib's LSTM for Alpha360 takes them, all sessions of a feature and then the next one."""
# S securities, T sessions, F features, B cells, L sessions of a window

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def laid_out(
    z_STF: NDArray[np.float32], rows_B: NDArray[np.intp], sessions_B: NDArray[np.intp], look_back: int
) -> NDArray[np.float32]:
    """Windows [B, F * L] that end at these cells; zeros before the first session."""
    steps_BL = sessions_B[:, None] + np.arange(1 - look_back, 1)
    x_BLF = z_STF[rows_B[:, None], np.maximum(steps_BL, 0)]
    x_BLF[steps_BL < 0] = 0
    return np.ascontiguousarray(x_BLF.transpose(0, 2, 1)).reshape(len(x_BLF), -1)
