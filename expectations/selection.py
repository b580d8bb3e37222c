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
VALID = "valid"
FIGURES = ("value", "lower", "upper")
OTHER_VALID = "figures of validation, turned over"

Summaries = Mapping[str, pl.DataFrame]
Choose = Callable[[Summaries], pl.DataFrame]


def selection(choose: Choose, summaries: Summaries, seed: int = 0) -> pl.DataFrame:
    """What of a choice among experiments moved with the figures of the test, and that it moves with validation.

    choose     summaries by experiment -> CHOICES: who comes first, second, ... in each choice that is made
    summaries  experiment -> segment, metric, value, lower, upper, as a report gives them
    returns    SELECTION: by choice, one row for each way in which the test was replaced; and, where a choice is among
               several, one that says whether it follows validation
    """
    true = choose(summaries)
    tried = {kind: choose(found) for kind, found in _without_test(summaries, seed)}
    rows = []
    for (choice,) in true.select("choice").unique(maintain_order=True).iter_rows():
        before = _in_order(true, choice)
        for kind, found in tried.items():
            rows.append(_row(choice, kind, before, _in_order(found, choice)))
    several = [str(row["choice"]) for row in rows if int(str(row["experiments"])) > 1]
    if several:
        turned = choose({name: _valid_of(name, number, frame) for number, (name, frame) in enumerate(summaries.items())})
        rows += [_control(choice, true, turned, choose, summaries) for choice in dict.fromkeys(several)]
    return pl.DataFrame(rows, schema=SELECTION)
