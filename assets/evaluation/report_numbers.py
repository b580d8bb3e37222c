"""Report numbers: how a figure of some unit is written, with its bounds where it has them."""

from __future__ import annotations

import math


def bounded_text(value: float | None, lower: float | None, upper: float | None, unit: str) -> str:
    """A value with its bounds in the manner of its unit: '.041 [.030, .052]', '+3.10% [-1.20%, +7.40%]'."""
    if lower is None or upper is None or math.isnan(lower):
        return shown(value, unit)
    return f"{shown(value, unit)} [{shown(lower, unit)}, {shown(upper, unit)}]"


def shown(value: float | None, unit: str) -> str:
    """One number as text; a dash where there is none."""
    if value is None or math.isnan(value):
        return "-"
    if unit == "correlation":
        return f"{value:z.3f}".replace("0.", ".", 1)
    if unit in FINE:
        return f"{value:z.4f}"
    if unit.startswith("simple return"):
        return f"{value:+z.2%}"
    if unit.startswith("share"):
        return f"{value:z.2%}"
    if unit in SIGNED:
        return f"{value:+z.2f}"
    return f"{value:z.2f}" if unit in TWO_DIGITS or unit.startswith("per ") else f"{value:z,.0f}"


FINE = ("squared probability", "nats")
SIGNED = ("standard deviations",)
TWO_DIGITS = ("probability", "years", "trials")
