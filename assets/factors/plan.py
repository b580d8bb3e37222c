"""Plan: the steps that compute a list of factors, each value once and each series of windows in one pass.

What several factors share is found by equality of their expressions, and all asks of one family of kernels for the same
series become one step. A value is dropped after the last step that needs it.
"""
# S securities, T sessions

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assets.factors import comparisons
from assets.factors.ask import Ask
from assets.factors.expression import Bar, Expression, Formula, Number, Ref, Windowed
from assets.factors.factor import Factor

Wide = NDArray[np.float64]
Run = Callable[..., Sequence[Wide]]
ADJUSTMENT = Bar("adj_factor")
FUNCTIONS: Mapping[str, Callable[..., Wide]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "Greater": np.maximum,
    "Less": np.minimum,
    "Abs": np.absolute,
    "Log": np.log,
    ">": comparisons.above,
    "<": comparisons.below,
}


@dataclass(frozen=True)
class Step:
    """One computation; values go by the number at which their expression was first met.

    run         function of the needed arrays [S, T] that gives the made ones
    takes_room  whether `run` takes one more array, to put its result into
    column      the column of the bars that is read instead, if any
    names       factors that are ready after the step, with their value
    drops       values that no later step needs
    """

    makes: tuple[int, ...]
    needs: tuple[int, ...]
    run: Run
    takes_room: bool = False
    column: str | None = None
    names: tuple[tuple[str, int], ...] = ()
    drops: tuple[int, ...] = ()


@functools.lru_cache(maxsize=16)
def plan_for(factors: tuple[Factor, ...]) -> tuple[Step, ...]:
    """Steps in an order in which each finds what it needs."""
    expressions = list(_in_order(factor.expression for factor in factors))
    number = {expression: place for place, expression in enumerate(expressions)}
    passes = _passes(expressions)
    made: set[Expression] = set()
    steps: list[Step] = []
    for expression in expressions:
        if expression not in made:
            made.update(passes[_pass(expression)] if isinstance(expression, Windowed) else [expression])
            steps.append(_step(expression, passes, number))
    return _with_ends(steps, [(factor.name, number[factor.expression]) for factor in factors])


def evaluate(
    steps: Sequence[Step], wide: Mapping[str, Wide], rooms: Mapping[str, Wide] | None = None
) -> Iterator[tuple[str, Wide]]:
    """The factors of a plan one after another, each with its values [S, T], which the caller may not change.

    rooms  arrays by name of the factor, which some of them may come in
    """
    known: dict[int, Wide] = {}
    for step in steps:
        needed = [known[place] for place in step.needs]
        if rooms and step.names and step.takes_room:
            needed.append(rooms[step.names[0][0]])
        made = (wide[step.column],) if step.column else step.run(*needed)
        known.update(zip(step.makes, made, strict=True))
        for name, place in step.names:
            yield name, known[place]
        for place in step.drops:
            del known[place]


def _in_order(roots: Iterator[Expression]) -> dict[Expression, None]:
    """Every expression that the roots consist of, each after its parts, in the order in which they are met."""
    found: dict[Expression, None] = {}

    def visit(expression: Expression) -> None:
        if expression not in found:
            for part in _parts(expression):
                visit(part)
            found[expression] = None

    for root in roots:
        visit(root)
    return found


def _parts(expression: Expression) -> tuple[Expression, ...]:
    """What must be computed before; a plain number in a formula is not an array and no part."""
    if isinstance(expression, Bar):
        return (Bar(expression.name), ADJUSTMENT) if expression.unit.adjusted else ()
    if isinstance(expression, Number):
        return (ADJUSTMENT,)
    if isinstance(expression, Formula):
        return tuple(part for part in expression.operands if not _is_plain(part))
    if isinstance(expression, Ref):
        return (expression.series,)
    if isinstance(expression, Windowed):
        return expression.inputs
    raise TypeError(f"{expression!r} is no expression that can be computed")


def _is_plain(expression: Expression) -> bool:
    return isinstance(expression, Number) and not expression.unit.adjusted


def _pass(expression: Windowed) -> tuple[object, tuple[Expression, ...]]:
    return expression.operator.family, expression.inputs


def _passes(expressions: Sequence[Expression]) -> dict[object, list[Windowed]]:
    """Windowed expressions that one call of a family answers together."""
    passes: dict[object, list[Windowed]] = {}
    for expression in expressions:
        if isinstance(expression, Windowed):
            passes.setdefault(_pass(expression), []).append(expression)
    return passes


def _step(expression: Expression, passes: Mapping[object, list[Windowed]], number: Mapping[Expression, int]) -> Step:
    needs = tuple(number[part] for part in _parts(expression))
    if isinstance(expression, Windowed):
        together = passes[_pass(expression)]
        return Step(tuple(number[one] for one in together), needs, _windows(together))
    make = (number[expression],)
    if isinstance(expression, Formula):
        return _formula(expression, make, needs)
    if isinstance(expression, Ref):
        return Step(make, needs, functools.partial(_earlier, expression.sessions))
    if isinstance(expression, Number):
        return Step(make, needs, functools.partial(_number, expression))
    if isinstance(expression, Bar) and needs:
        return Step(make, needs, functools.partial(_adjusted, expression.unit.adjusted))
    return Step(make, needs, tuple, column=str(expression).removeprefix("$"))


def _windows(together: Sequence[Windowed]) -> Run:
    family = together[0].operator.family
    asks = tuple(Ask(one.operator.statistic, one.window, one.share) for one in together)
    return lambda *inputs: tuple(family(inputs, asks))


def _formula(formula: Formula, make: tuple[int], needs: tuple[int, ...]) -> Step:
    function = FUNCTIONS[formula.sign]
    is_of_arrays = not any(_is_plain(part) for part in formula.operands)
    numbers = [part.value if isinstance(part, Number) and _is_plain(part) else None for part in formula.operands]

    def run(*parts: Wide) -> tuple[Wide]:
        if is_of_arrays:
            return (function(*parts),)
        rest = iter(parts)
        operands = [next(rest) if value is None else value for value in numbers]
        return (function(*operands, *rest),)

    return Step(make, needs, run, takes_room=isinstance(function, np.ufunc))


def _earlier(sessions: int, values_ST: Wide) -> tuple[Wide]:
    moved_ST = np.full_like(values_ST, np.nan)
    moved_ST[:, sessions:] = values_ST[:, : max(values_ST.shape[1] - sessions, 0)]
    return (moved_ST,)


def _number(number: Number, factor_ST: Wide) -> tuple[Wide]:
    return _adjusted(number.unit.adjusted, number.value, factor_ST)


def _adjusted(power: int, traded: Wide | float, factor_ST: Wide) -> tuple[Wide]:
    """What was traded, times the power of the adjustment factor."""
    by_ST = factor_ST if abs(power) == 1 else factor_ST ** abs(power)
    return (traded * by_ST if power >= 0 else traded / by_ST,)


def _with_ends(steps: Sequence[Step], factors: Sequence[tuple[str, int]]) -> tuple[Step, ...]:
    """The steps with the factors that each makes, and the values that are not needed after it."""
    maker = {place: at for at, step in enumerate(steps) for place in step.makes}
    last = dict(maker) | {place: at for at, step in enumerate(steps) for place in step.needs}
    return tuple(
        replace(
            step,
            names=tuple((name, place) for name, place in factors if maker[place] == at),
            drops=tuple(place for place, end in last.items() if end == at),
        )
        for at, step in enumerate(steps)
    )
