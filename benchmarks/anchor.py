"""Anchor: a published or independently computed figure that the project's own functions must give, digit by digit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Anchor:
    """One figure.

    expected  its digits, all of which must agree when rounded: '0.950' asks for three; 'low..high' is a range, each
              end rounded to its digits
    found     gives the project's figure
    source    where the expected one comes from
    """

    name: str
    expected: str
    found: Callable[[], float]
    source: str

    @property
    def digits(self) -> int:
        """Digits after the point."""
        exponent = Decimal(self.expected.split("..")[0]).as_tuple().exponent
        return -exponent if isinstance(exponent, int) else 0

    def holds(self, value: float) -> bool:
        """Whether a value is the expected one when it is rounded to the same digits."""
        ends = [float(end) for end in self.expected.split("..")]
        # Half a unit of the last digit, and a hair: halves may be rounded up or down.
        slack = 0.5 * 10.0**-self.digits * (1 + 1e-6)
        return ends[0] - slack <= value <= ends[-1] + slack
