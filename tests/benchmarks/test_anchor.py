"""Anchor: every digit of the expected figure counts, and no more."""

import pytest

from benchmarks.anchor import Anchor


def anchor(expected: str) -> Anchor:
    return Anchor("a", expected, lambda: 0.0, "here")


@pytest.mark.parametrize(
    ("expected", "value", "holds"),
    [
        ("0.950", 0.9504, True),
        ("0.950", 0.9506, False),
        ("0.95", 0.9551, False),
        ("0.95", 0.9549, True),
        ("24", 24.4, True),
        ("24", 24.6, False),
        ("-1.0986", -1.09861, True),
        ("0.87..0.90", 0.8875, True),
        ("0.87..0.90", 0.8649, False),
        ("0.87..0.90", 0.9049, True),
        ("0.1", float("nan"), False),
    ],
)
def test_a_figure_holds_when_it_is_the_expected_one_rounded(expected, value, holds):
    assert anchor(expected).holds(value) is holds


def test_digits_are_those_after_the_point():
    assert [anchor(text).digits for text in ("24", "0.2", "0.0046512", "0.87..0.90")] == [0, 1, 7, 2]
