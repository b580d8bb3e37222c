from datetime import date, datetime

import polars as pl
import pytest

from expectations.comparison import Difference, differences, matched, ordered, place

DAYS = [date(2015, 3, 2), date(2015, 3, 3), date(2015, 3, 4)]


def frame(values, **columns):
    return pl.DataFrame({"session": DAYS, "security_id": ["a", "a", "a"], "value": values, **columns})


def of(before, after):
    return differences(frame(before), frame(after))["value"]


def test_numbers_within_the_tolerance_are_equal():
    assert of([1.0, 1e6, 0.0], [1.0 + 0.9e-7, 1e6 + 0.09, 0.9e-9]) == Difference(0, None, None)
    found = of([1.0, 1e6, 0.0], [1.0, 1e6 + 0.2, 2e-9])
    assert found.rows_changed == 2
    assert found.worst == pytest.approx(0.2)
    assert found.first_example == "a 2015-03-03: 1000000.0 before, 1000000.2 after"


def test_null_nan_and_infinity_equal_only_themselves():
    odd = [None, float("nan"), float("inf")]
    assert of(odd, odd) == Difference(0, None, None)
    assert of(odd, [float("nan"), float("nan"), float("inf")]) == Difference(
        1, float("inf"), "a 2015-03-02: None before, nan after"
    )
    assert of(odd, [None, 0.0, float("-inf")]).rows_changed == 2
    assert of([1.0, 2.0, 3.0], [float("inf"), 2.0, 3.0]).rows_changed == 1


def test_anything_but_a_number_is_compared_exactly():
    assert of(["x", None, "y"], ["x", None, "y"]) == Difference(0, None, None)
    assert of(["x", None, "y"], ["x", "z", "y"]) == Difference(1, None, "a 2015-03-03: None before, z after")
    assert of([1, 2, 3], [1, 2, 4]).rows_changed == 1
    moved = [datetime(2015, 3, day) for day in (2, 3, 5)]
    assert of([datetime(2015, 3, day) for day in (2, 3, 4)], moved).rows_changed == 1


def test_another_type_is_a_change_of_every_row():
    assert of([1, 2, 3], [1.0, 2.0, 3.0]) == Difference(3, None, "type Int64 before, Float64 after")


def test_rows_are_matched_by_their_keys():
    before, after = ordered("t", frame([1, 2, 3])[::-1]), ordered("t", frame([4, 5, 6]).tail(2))
    left, right = matched(before, after)
    assert left["value"].to_list() == [2, 3]
    assert right["value"].to_list() == [5, 6]


def test_a_table_with_two_rows_of_one_key_or_without_sessions_is_refused():
    with pytest.raises(ValueError, match="features/x has two rows of a 2015-03-03"):
        ordered("features/x", pl.concat([frame([1, 2, 3]), frame([1, 2, 3])[1:2]]))
    with pytest.raises(ValueError, match="features/x has no column 'session'"):
        ordered("features/x", pl.DataFrame({"security_id": ["a"]}))
    assert ordered("t", frame([1, 2, 3], horizon=[1, 3, 5])).height == 3


def test_a_place_is_named_by_all_its_keys():
    assert place({"session": DAYS[0], "security_id": "a", "horizon": 5, "value": 1}) == "a 2015-03-02 horizon 5"
