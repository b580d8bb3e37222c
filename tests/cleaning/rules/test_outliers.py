import polars as pl

from assets.cleaning.rules.outliers import PRICE_OUTLIER, VOLUME_OUTLIER

NAME = "sh600004"


def test_a_return_far_from_the_usual_is_flagged_in_its_session_alone(calm, cells):
    assert cells(PRICE_OUTLIER, calm(returns={NAME: {90: 0.1, 95: 0.02}})) == {NAME: [90]}


def test_a_volume_far_from_the_usual_is_flagged_in_either_direction(calm, cells):
    assert cells(VOLUME_OUTLIER, calm(volumes={NAME: {130: 20.0, 135: 1 / 20, 140: 1.1}})) == {NAME: [130, 135]}


def test_a_split_is_neither(calm, cells):
    bars = calm(factors={NAME: {130: 2.0}})
    after = (pl.col("security_id") == NAME) & (pl.col("adj_factor") == 2.0)
    bars = bars.with_columns(volume=pl.when(after).then(pl.col("volume") * 2).otherwise(pl.col("volume")))
    assert cells(PRICE_OUTLIER, bars) == cells(VOLUME_OUTLIER, bars) == {}


def test_too_short_a_past_tells_nothing(calm, cells):
    bars = calm(returns={NAME: {90: 0.1}}, absent={NAME: range(65)})
    assert cells(PRICE_OUTLIER, bars) == {}
