import polars as pl

from assets.cleaning.rules.manipulation import MANIPULATION

NAME = "sz300006"
PUMP = range(100, 112)


def pumped(calm, fall: bool = False, volume: float = 8.0) -> pl.DataFrame:
    moves = dict.fromkeys(PUMP, 0.06) | (dict.fromkeys(range(112, 116), -0.09) if fall else {})
    return calm(returns={NAME: moves}, volumes={NAME: dict.fromkeys(range(100, 116), volume)})


def test_a_rise_on_volume_session_after_session_is_suspected_while_it_lasts(calm, cells):
    marked = cells(MANIPULATION, pumped(calm))
    assert set(marked) == {NAME}
    assert 106 <= marked[NAME][0] <= 109
    assert 111 in marked[NAME]


def test_the_fall_back_is_marked_too(calm, cells):
    rising, falling = cells(MANIPULATION, pumped(calm)), cells(MANIPULATION, pumped(calm, fall=True))
    assert {113, 114, 115} <= set(falling[NAME])
    assert 115 not in rising.get(NAME, [])


def test_a_rise_on_usual_volume_a_burst_of_volume_and_one_great_day_are_not(calm, cells):
    assert cells(MANIPULATION, pumped(calm, volume=1.0)) == {}
    assert cells(MANIPULATION, calm(volumes={NAME: dict.fromkeys(PUMP, 8.0)})) == {}
    jump = calm(returns={NAME: {100: 0.45}}, volumes={NAME: dict.fromkeys(PUMP, 8.0)})
    assert cells(MANIPULATION, jump) == {}
