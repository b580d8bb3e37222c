"""Market ranges: how far the prices of a session reach below and above its VWAP.

Where the VWAP lies between low (0) and high (1) is drawn first, bell-shaped around a middle that leans with the
session: above a half where the VWAP lies far above the lowest of open and close, and where the price rose. The range is
then the narrowest one with the VWAP at that place that holds open and close, and wider by a slack that is often
nothing: so open or close is an end of the range in many sessions, and no place of the VWAP is more crowded than others
near it.
"""
# N rows, T sessions, S securities

from __future__ import annotations

import numpy as np

from assets.sources.embedded.streams import Floats, Singles, Streams, Whole

SLACK = 0.35
"""Of the scale of a session's moves: what a unit of the slack's draw is worth."""
BARE = 0.9
"""The draw of the slack is a standard normal number and this; below 0 it counts as nothing."""
LEAN = 0.5
"""How far the logit of the VWAP's place moves for a range that lies wholly on one side of it."""
LEAN_OF_MOVE = 0.25
"""The same for a session that rose from one end of its range to the other."""
SPREAD = 0.25
"""Standard deviation of the logit of the VWAP's place around where it leans."""


def draw_slack(streams: Streams, scale_TS: Singles) -> Singles:
    """Log of high over low beyond what open, close and VWAP need, [T, S].

    scale_TS  standard deviation of each session's log return
    """
    drawn_TS = streams.normals("slack", *scale_TS.shape)
    drawn_TS += np.float32(BARE)
    np.maximum(drawn_TS, 0.0, out=drawn_TS)
    drawn_TS *= np.float32(SLACK)
    drawn_TS *= scale_TS
    return drawn_TS


def reached(
    open_N: Floats | Whole, close_N: Floats | Whole, vwap_N: Floats, slack_N: Floats, place_N: Floats
) -> tuple[Floats, Floats]:
    """Lowest and highest price of each session, before ticks and limits, in the unit of the prices, [N] each.

    slack_N  log of high over low beyond what the other prices need; none below 0
    place_N  standard normal numbers, by which the VWAP lies higher or lower in the range
    """
    up_N = np.log(np.maximum.reduce([open_N, close_N, vwap_N]) / vwap_N)
    down_N = np.log(vwap_N / np.minimum.reduce([open_N, close_N, vwap_N]))
    leaning_N = LEAN * (down_N - up_N) + LEAN_OF_MOVE * np.log(close_N / open_N)
    wide_N = up_N + down_N + slack_N
    logit_N = leaning_N / np.where(wide_N > 0, wide_N, 1.0) + SPREAD * place_N
    share_N = 1.0 / (1.0 + np.exp(-logit_N))
    range_N = np.maximum(down_N / share_N, up_N / (1.0 - share_N)) + slack_N
    return vwap_N * np.exp(-share_N * range_N), vwap_N * np.exp((1.0 - share_N) * range_N)
