import pytest

from assets.factors.bar_inputs import CLOSE, HIGH, LOW, TRADED_CLOSE, TRADED_OPEN, VOLUME
from assets.factors.expression import LISTED, Number, Unit, absolute, greater, less, log, ref
from assets.factors.operators import corr, highest, lowest, mean, quantile, std


def test_a_formula_reads_as_it_is_written():
    assert str((CLOSE - lowest(LOW, 5)) / (highest(HIGH, 5) - lowest(LOW, 5) + 1e-12)) == (
        "($close-Min($low, 5))/(Max($high, 5)-Min($low, 5)+1e-12)"
    )
    assert str(2 * TRADED_CLOSE - (TRADED_OPEN - TRADED_CLOSE)) == "2*$close-($open-$close)"
    assert str(CLOSE / (CLOSE / ref(CLOSE, 1))) == "$close/($close/Ref($close, 1))"
    assert str(CLOSE / CLOSE / CLOSE) == "$close/$close/$close"
    before = ref(CLOSE, 1)
    assert str(mean(before < CLOSE, 10)) == "Mean(Ref($close, 1)<$close, 10)"
    assert str(quantile(CLOSE, 5, 0.8)) == "Quantile($close, 5, 0.8)"
    assert str(corr(CLOSE, log(VOLUME + 1), 5)) == "Corr($close, Log($volume+1), 5)"
    assert str(absolute(CLOSE / ref(CLOSE, 1) - 1) * VOLUME) == "Abs($close/Ref($close, 1)-1)*$volume"
    assert str(greater(CLOSE - ref(CLOSE, 1), 0)) == "Greater($close-Ref($close, 1), 0)"
    assert str(1 - less(CLOSE, HIGH) / CLOSE) == "1-Less($close, $high)/$close"
    assert str(1 / (1 + CLOSE / HIGH)) == "1/(1+$close/$high)"


def test_formulas_written_alike_are_one():
    assert mean(CLOSE, 5) / CLOSE == mean(CLOSE, 5) / CLOSE
    assert mean(CLOSE, 5) != mean(CLOSE, 6)
    assert len({CLOSE - LOW, CLOSE - LOW, LOW - CLOSE}) == 2


def test_a_number_takes_the_unit_of_what_it_stands_with():
    assert (CLOSE + 1e-12).operands[1] == Number(1e-12, Unit(adjusted=1))
    assert (VOLUME + 1).operands[1] == Number(1, Unit(adjusted=-1))
    assert (1 + VOLUME).operands[0] == Number(1, Unit(adjusted=-1))
    assert (CLOSE * 2).operands[1] == Number(2)
    assert greater(CLOSE, 0).operands[1] == Number(0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: CLOSE + VOLUME, "no alike units"),
        (lambda: CLOSE > TRADED_CLOSE, "no alike units"),
        (lambda: greater(CLOSE, CLOSE / LOW), "no alike units"),
        (lambda: mean(TRADED_CLOSE, 5), "prices as traded of different sessions are not alike"),
        (lambda: ref(TRADED_CLOSE, 1), "prices as traded of different sessions are not alike"),
        (lambda: ref(CLOSE, -1), "give 1 or more, the future is not known"),
        (lambda: ref(CLOSE, 0), "give 1 or more"),
        (lambda: mean(CLOSE, 1), "a window of 1 sessions; give 2 or more"),
        (lambda: std(log(VOLUME), 5), "only corr takes the logarithm"),
        (lambda: log(CLOSE) - log(LOW), "holds the level of the adjustment factor"),
        (lambda: less(1, 2), "stands between two numbers"),
    ],
)
def test_what_means_nothing_is_refused_where_it_is_written(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_units_follow_the_arithmetic():
    assert (CLOSE / LOW).unit == (VOLUME / VOLUME).unit == LISTED.unit == Unit()
    assert (CLOSE * VOLUME).unit == Unit()
    assert (VOLUME / CLOSE).unit == Unit(adjusted=-2)
    assert std(CLOSE, 5).unit == CLOSE.unit
    assert log(CLOSE / LOW).unit == Unit()
    assert log(VOLUME).unit.is_shifted
    assert (TRADED_OPEN / TRADED_CLOSE).unit == Unit()


def test_reach_counts_all_sessions_that_a_value_depends_on():
    assert CLOSE.reach == (CLOSE / LOW).reach == 0
    assert ref(CLOSE, 60).reach == 60
    assert mean(CLOSE, 60).reach == 59
    assert std(CLOSE / ref(CLOSE, 1), 60).reach == 60
    assert mean(ref(CLOSE, 1) < CLOSE, 60).reach == 79
    assert mean(mean(CLOSE, 10) / CLOSE, 5).reach == 13
