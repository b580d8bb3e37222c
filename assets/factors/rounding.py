"""Rounding: down to which distance two values count as equal.

A price after a split, adjusted, can equal one before it on paper and differ in the last bit, in a direction that the
level of the adjustment factor decides. What is counted, ranked or ordered must not turn on that.
"""

SAME = 1e-12
"""Relative distance; real prices that differ lie a million times further apart."""
