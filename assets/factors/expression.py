"""Expression: a formula over the bars of one security, written in Python and read as text.

Operators on expressions build larger ones. Two that are written alike are equal, so that what several factors share is
computed once. Every expression knows its unit and how far back it looks: a mistake is refused where it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from assets.factors.operators import Operator

STILL_LISTED = 20
"""A session counts as one of the security while a bar of it, traded or suspended, lies at most so many before."""


class Unit(NamedTuple):
    """How a value moves when prices are restated.

    adjusted    power of the level of the adjustment factor: 1 for an adjusted price, -1 for an adjusted volume
    traded      power of the price as traded, which no other session may be compared with
    is_shifted  the logarithm of a value with a unit: only its changes mean something
    """

    adjusted: int = 0
    traded: int = 0
    is_shifted: bool = False


RATIO = Unit()
PRECEDENCE = {">": 0, "<": 0, "+": 1, "-": 1, "*": 2, "/": 2}
ASSOCIATIVE = ("+", "*")


class Expression:
    """A value for each security and session."""

    @property
    def unit(self) -> Unit:
        """How the value moves when prices are restated."""
        return RATIO

    @property
    def reach(self) -> int:
        """Sessions before its own that the value depends on."""
        return 0

    def __add__(self, other: Expression | float) -> Expression:
        return _alike("+", self, other)

    def __sub__(self, other: Expression | float) -> Expression:
        return _alike("-", self, other)

    def __radd__(self, other: float) -> Expression:
        return _alike("+", other, self)

    def __rsub__(self, other: float) -> Expression:
        return _alike("-", other, self)

    def __mul__(self, other: Expression | float) -> Expression:
        return Formula("*", (self, _expression(other)))

    def __rmul__(self, other: float) -> Expression:
        return Formula("*", (Number(other), self))

    def __truediv__(self, other: Expression | float) -> Expression:
        return Formula("/", (self, _expression(other)))

    def __rtruediv__(self, other: float) -> Expression:
        return Formula("/", (Number(other), self))

    def __gt__(self, other: Expression | float) -> Expression:
        return _compared(">", self, other)

    def __lt__(self, other: Expression | float) -> Expression:
        return _compared("<", self, other)


@dataclass(frozen=True)
class Bar(Expression):
    """A column of the bars; with an adjusted unit it is multiplied by that power of the adjustment factor."""

    name: str
    of: Unit = RATIO

    @property
    def unit(self) -> Unit:
        """How the value moves when prices are restated."""
        return self.of

    @property
    def reach(self) -> int:
        """Sessions before its own that the value depends on."""
        return STILL_LISTED if self == LISTED else 0

    def __str__(self) -> str:
        return f"${self.name}"


@dataclass(frozen=True)
class Number(Expression):
    """The same number everywhere; with an adjusted unit it is one of the session as traded, adjusted as the bar is."""

    value: float
    of: Unit = RATIO

    @property
    def unit(self) -> Unit:
        """How the value moves when prices are restated."""
        return self.of

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class Formula(Expression):
    """A sign or a function of one or two values of the same session."""

    sign: str
    operands: tuple[Expression, ...]

    def __post_init__(self) -> None:
        if any(operand.unit.is_shifted for operand in self.operands):
            raise ValueError(
                f"{self}: the logarithm of a price or a volume holds the level of the adjustment factor; take it of a "
                "ratio, or use it in corr, where only its changes count"
            )

    @property
    def unit(self) -> Unit:
        """How the value moves when prices are restated."""
        first, *rest = (operand.unit for operand in self.operands)
        if self.sign in PRECEDENCE and self.sign in "*/":
            turn = 1 if self.sign == "*" else -1
            return Unit(first.adjusted + turn * rest[0].adjusted, first.traded + turn * rest[0].traded)
        if self.sign in ("<", ">"):
            return RATIO
        return Unit(is_shifted=True) if self.sign == "Log" and first != RATIO else first

    @property
    def reach(self) -> int:
        """Sessions before its own that the value depends on."""
        return max(operand.reach for operand in self.operands)

    def __str__(self) -> str:
        shown = [str(operand) for operand in self.operands]
        if self.sign not in PRECEDENCE:
            return f"{self.sign}({', '.join(shown)})"
        shown = shown[:2]
        for place, operand in enumerate(self.operands[:2]):
            if isinstance(operand, Formula) and operand.sign in PRECEDENCE:
                mine, its = PRECEDENCE[self.sign], PRECEDENCE[operand.sign]
                if its < mine or (its == mine and place == 1 and self.sign not in ASSOCIATIVE):
                    shown[place] = f"({shown[place]})"
        return self.sign.join(shown)


@dataclass(frozen=True)
class Ref(Expression):
    """What the value was a number of sessions before."""

    series: Expression
    sessions: int

    def __post_init__(self) -> None:
        if self.sessions < 1:
            raise ValueError(f"{self} looks {self.sessions} sessions back; give 1 or more, the future is not known")
        refuse_traded(self, self.series)

    @property
    def unit(self) -> Unit:
        """How the value moves when prices are restated."""
        return self.series.unit

    @property
    def reach(self) -> int:
        """Sessions before its own that the value depends on."""
        return self.series.reach + self.sessions

    def __str__(self) -> str:
        return f"Ref({self.series}, {self.sessions})"


@dataclass(frozen=True)
class Windowed(Expression):
    """An operator over the last `window` sessions of the calendar up to the session itself.

    inputs  the operator's series; those after `operator.shown` are not part of the text
    share   which quantile, where the operator asks for one
    """

    operator: Operator
    inputs: tuple[Expression, ...]
    window: int
    share: float | None = None

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"{self} has a window of {self.window} sessions; give 2 or more")
        for series in self.inputs:
            refuse_traded(self, series)
            if series.unit.is_shifted and not self.operator.takes_shifted:
                raise ValueError(f"{self}: only corr takes the logarithm of a price or a volume; take it of a ratio")

    @property
    def unit(self) -> Unit:
        """How the value moves when prices are restated."""
        return self.inputs[0].unit if self.operator.keeps_unit else RATIO

    @property
    def reach(self) -> int:
        """Sessions before its own that the value depends on."""
        return self.window - 1 + max(series.reach for series in self.inputs)

    def __str__(self) -> str:
        series = ", ".join(str(one) for one in self.inputs[: self.operator.shown])
        return f"{self.operator.name}({series}, {self.window}{'' if self.share is None else f', {self.share}'})"


def greater(left: Expression | float, right: Expression | float) -> Expression:
    """The larger of two values of the same unit; null where one of them is."""
    return _alike("Greater", left, right)


def less(left: Expression | float, right: Expression | float) -> Expression:
    """The smaller of two values of the same unit; null where one of them is."""
    return _alike("Less", left, right)


def absolute(value: Expression) -> Expression:
    """The value without its sign."""
    return Formula("Abs", (value,))


def log(value: Expression) -> Expression:
    """The natural logarithm."""
    return Formula("Log", (value,))


def ref(series: Expression, sessions: int) -> Expression:
    """What the value was a number of sessions of the calendar before."""
    return Ref(series, sessions)


def as_traded(value: float, like: Expression) -> Number:
    """A number in the unit of an expression, adjusted as the session's own bar is: it has no level to depend on."""
    return Number(value, like.unit._replace(is_shifted=False) if value else RATIO)


def refuse_traded(whole: Expression, series: Expression) -> None:
    """Raise ValueError where values as traded of different sessions would meet in `whole`."""
    if series.unit.traded:
        raise ValueError(f"{whole}: prices as traded of different sessions are not alike; use the adjusted ones")


def _expression(value: Expression | float) -> Expression:
    return value if isinstance(value, Expression) else Number(value)


def _alike(sign: str, left: Expression | float, right: Expression | float) -> Expression:
    ours, theirs = _in_one_unit(sign, left, right)
    return Formula(sign, (ours, theirs))


def _compared(sign: str, left: Expression | float, right: Expression | float) -> Expression:
    """1 or 0 in the sessions of the security, 0 also where a value is missing; null outside of them, as in Qlib."""
    ours, theirs = _in_one_unit(sign, left, right)
    return Formula(sign, (ours, theirs, LISTED))


def _in_one_unit(sign: str, left: Expression | float, right: Expression | float) -> tuple[Expression, Expression]:
    """Both sides; a bare number takes the unit of the other, two different units raise ValueError."""
    if isinstance(left, Expression) and isinstance(right, Expression):
        if left.unit != right.unit:
            raise ValueError(f"'{left}' and '{right}' are no alike units and '{sign}' means nothing for them")
        return left, right
    if isinstance(left, Expression) and not isinstance(right, Expression):
        return left, as_traded(right, left)
    if isinstance(right, Expression) and not isinstance(left, Expression):
        return as_traded(left, right), right
    raise ValueError(f"'{sign}' stands between two numbers, {left} and {right}; give a column of the bars")


LISTED = Bar("is_listed")
