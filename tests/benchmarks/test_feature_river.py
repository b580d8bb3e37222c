"""Feature river: every feature group is in it, and a comparison of two rivers counts each cell that differs."""

from types import SimpleNamespace

import polars as pl
import pytest

from benchmarks.feature_river import cells_apart, closure, feature_tables

FRAME = pl.DataFrame(
    {
        "session": ["2015-01-05", "2015-01-05", "2015-01-06"],
        "security_id": ["a", "b", "a"],
        "x": [1.0, 0.0, None],
        "y": [1.0, float("nan"), 3.0],
        "n": [1, 2, None],
    }
).with_columns(pl.col("y").cast(pl.Float32))


def changed(column: str, values: list[object]) -> pl.DataFrame:
    return FRAME.with_columns(pl.Series(column, values, dtype=FRAME.schema[column]))


def test_equal_tables_have_no_cell_apart_in_whatever_order_their_rows_lie() -> None:
    assert cells_apart(FRAME, FRAME) == 0
    assert cells_apart(FRAME, FRAME.reverse()) == 0


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("x", [1.0 + 2**-52, 0.0, None]),
        ("x", [1.0, -0.0, None]),
        ("x", [1.0, 0.0, 0.0]),
        ("x", [1.0, None, None]),
        ("y", [1.0 + 2**-23, float("nan"), 3.0]),
        ("y", [1.0, None, 3.0]),
        ("n", [1, 2, 0]),
        ("n", [None, 2, None]),
    ],
)
def test_one_bit_or_one_null_is_one_cell(column: str, values: list[object]) -> None:
    assert cells_apart(FRAME, changed(column, values)) == 1
    assert cells_apart(changed(column, values), FRAME) == 1


def test_a_row_that_only_one_has_counts_with_all_its_cells() -> None:
    assert cells_apart(FRAME, FRAME.head(2)) == len(FRAME.columns)
    assert cells_apart(FRAME.head(1), FRAME) == 2 * len(FRAME.columns)


def test_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="other columns"):
        cells_apart(FRAME, FRAME.drop("x"))


def test_what_is_read_is_followed_to_the_raw_tables() -> None:
    def table(*reads: str) -> SimpleNamespace:
        return SimpleNamespace(inputs={name: SimpleNamespace(asset_key=name) for name in reads})

    tables = {"c": table("b", "raw"), "b": table("a"), "a": table("raw"), "other": table("a")}
    assert closure(["c"], tables) == {"a", "b", "c"}  # type: ignore[arg-type]


def test_every_feature_group_of_the_project_and_nothing_after_it_is_made() -> None:
    tables = feature_tables()
    assert {"features/price_window", "features/price_volume", "cleaning/bars"} <= set(tables)
    assert not [key for key in tables if key.startswith("targets/")]
