"""Ask: one statistic of one window, as a factor asks a family of kernels for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ask:
    """The number of the statistic in its family, the window in sessions, and which quantile where there are several."""

    statistic: int
    window: int
    share: float | None = None
