import pytest

from assets.factors.bar_inputs import CLOSE, TRADED_CLOSE, VOLUME
from assets.factors.expression import log, ref
from assets.factors.factor import Factor, reach_of
from assets.factors.operators import mean


def test_the_column_says_what_it_is_in_words_and_as_a_formula():
    column = Factor("ma_5d", mean(CLOSE, 5) / CLOSE, "mean close", known_as="somebody, 1999").column()
    assert column.metadata == {
        "definition": "mean close: Mean($close, 5)/$close",
        "unit": "ratio",
        "source": "somebody, 1999",
    }
    assert "source" not in Factor("ma_5d", mean(CLOSE, 5) / CLOSE, "mean close").column().metadata


@pytest.mark.parametrize(
    ("expression", "level"),
    [
        (mean(CLOSE, 5), "adjustment factor"),
        (mean(VOLUME, 5), "adjustment factor"),
        (log(VOLUME), "adjustment factor"),
        (TRADED_CLOSE, "price as traded"),
    ],
)
def test_a_factor_that_holds_a_level_is_refused(expression, level):
    with pytest.raises(ValueError, match=rf"bad_5d = .*holds the level of the {level}, .*make it a ratio"):
        Factor("bad_5d", expression, "a level")


def test_the_look_back_of_a_list_is_the_longest():
    assert reach_of([Factor("a", ref(CLOSE, 7) / CLOSE, "a"), Factor("b", mean(CLOSE, 5) / CLOSE, "b")]) == 7
    assert reach_of([]) == 0
