"""Selection: whether the order of the experiments, and what is promoted, would stand with other figures of the test.

A model that is chosen by its test window has no test window. So all figures of the test are replaced, turned over and
taken away, and the choice must be the same; with other figures of validation it must not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import polars as pl

SELECTION = pl.Schema(
    {
        "choice": pl.String(),
        "replaced": pl.String(),
        "experiments": pl.Int64(),
        "before": pl.String(),
        "after": pl.String(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
CHOICES = pl.Schema({"choice": pl.String(), "place": pl.Int64(), "experiment": pl.String()})
DRAWS = 4
OF_VALID = pl.col("segment") == "valid"
FIGURES = ("value", "lower", "upper")
LARGE = 1000.0
"""Above every figure: what is left of it after a figure is as much above nought as before, in the other order."""
CONTROL = "valid, any of these ways"

Summaries = Mapping[str, pl.DataFrame]
Choose = Callable[[Summaries], pl.DataFrame]


def selection(choose: Choose, summaries: Summaries, seed: int = 0) -> pl.DataFrame:
    """What of a choice among experiments moved with the figures of the test, and that it moves with validation.

    choose     summaries by experiment -> CHOICES: who comes first, second, ... in each choice that is made
    summaries  experiment -> segment, metric, value, lower, upper, as a report gives them
    returns    SELECTION: by choice, one row for each way in which the test was replaced; and, for a choice among
               several, the control: with other figures of validation it moves
    """
    true = _choices(choose(summaries))
    tested = {kind: _choices(choose(other)) for kind, other in _replaced(summaries, ~OF_VALID, seed)}
    valid = {kind: _choices(choose(other)) for kind, other in _replaced(summaries, OF_VALID, seed)}
    rows: list[dict[str, object]] = []
    # A choice that nobody wins is one too: another test may give it a winner.
    for choice in sorted(true.keys() | {name for found in tested.values() for name in found}):
        names = true.get(choice, ())
        for kind, found in tested.items():
            rows.append(_row(choice, f"test {kind}", names, found.get(choice, ())))
        if len(names) > 1:
            rows.append(_control(choice, names, [found.get(choice, ()) for found in valid.values()]))
    return pl.DataFrame(rows, schema=SELECTION)


def _choices(found: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Choice -> experiments in their places."""
    in_order = found.sort("choice", "place").group_by("choice", maintain_order=True).agg("experiment")
    return {choice: tuple(names) for choice, names in in_order.iter_rows()}


def _replaced(summaries: Summaries, where: pl.Expr, seed: int) -> Iterator[tuple[str, Summaries]]:
    """The summaries with other figures in some rows: turned over, drawn anew several times, and taken away."""
    turned = [pl.when(where).then(LARGE - pl.col(name)).otherwise(name).alias(name) for name in FIGURES]
    yield "turned over", {name: frame.with_columns(turned) for name, frame in summaries.items()}
    for draw in range(DRAWS):
        rng = np.random.default_rng([seed, draw])
        yield f"drawn anew, {draw + 1}", {name: _drawn(frame, where, rng) for name, frame in summaries.items()}
    gone = [pl.when(~where).then(name).alias(name) for name in FIGURES]
    yield "taken away", {name: frame.with_columns(gone) for name, frame in summaries.items()}


def _drawn(frame: pl.DataFrame, where: pl.Expr, rng: np.random.Generator) -> pl.DataFrame:
    value, width = rng.uniform(1.0, LARGE, frame.height), rng.random(frame.height)
    drawn = dict(zip(FIGURES, (value, value - width, value + width), strict=True))
    columns = [pl.when(where).then(pl.Series(drawn[name])).otherwise(name).alias(name) for name in FIGURES]
    return frame.with_columns(columns)


def _row(choice: str, kind: str, before: tuple[str, ...], after: tuple[str, ...]) -> dict[str, object]:
    found = None if before == after else f"{choice}: {', '.join(before)} before, {', '.join(after)} with the {kind}"
    return _told(choice, kind, before, after, found)


def _control(choice: str, before: tuple[str, ...], others: list[tuple[str, ...]]) -> dict[str, object]:
    moved = [after for after in others if after != before]
    found = None if moved else f"{choice}: {', '.join(before)} whatever validation says; by what is it made?"
    return _told(choice, CONTROL, before, moved[0] if moved else before, found)


def _told(
    choice: str, kind: str, before: tuple[str, ...], after: tuple[str, ...], found: str | None
) -> dict[str, object]:
    return {
        "choice": choice,
        "replaced": kind,
        "experiments": len(before),
        "before": ", ".join(before),
        "after": ", ".join(after),
        "first_example": found,
        "passed": found is None,
    }
