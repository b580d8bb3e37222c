import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.features.price_volume import PriceVolume, price_volume

NAMES = [name for name in PriceVolume.column_names() if name not in ("session", "security_id")]


@pytest.fixture(scope="module")
def cleaned(market):
    sessions = calendar(market.lazy()).collect()
    return bars(market.lazy(), sessions.lazy()).collect(), sessions


def computed(rows: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    return PriceVolume.validate(price_volume(rows.lazy(), sessions.lazy()).collect())


def of(table: pl.DataFrame, security: str) -> pl.DataFrame:
    return table.filter(pl.col("security_id") == security)


def test_there_is_one_row_for_each_traded_bar(cleaned):
    traded = cleaned[0].filter(~pl.col("is_suspended"))
    assert computed(*cleaned).select("session", "security_id").equals(traded.select("session", "security_id"))


def test_every_figure_is_what_its_definition_says(cleaned):
    """The split name: written out with plain slices at one session after the split."""
    rows, t = of(cleaned[0], "sh600002"), 140
    price = {name: (rows[name] * rows["adj_factor"]).to_numpy() for name in ("open", "high", "low", "close")}
    close, volume = price["close"], (rows["volume"] / rows["adj_factor"]).to_numpy()
    daily = np.diff(np.log(close), prepend=np.nan)
    amount = rows["amount"].to_numpy()
    lowest, highest = price["low"][t - 59 : t + 1].min(), price["high"][t - 59 : t + 1].max()
    expected = {
        **{f"return_{h}d": math.log(close[t] / close[t - h]) for h in (1, 5, 20, 60)},
        "volatility_20d": daily[t - 19 : t + 1].std(ddof=1),
        "volatility_60d": daily[t - 59 : t + 1].std(ddof=1),
        "volume_ratio_1d_20d": math.log(volume[t] / volume[t - 20 : t].mean()),
        "volume_ratio_5d_60d": math.log(volume[t - 4 : t + 1].mean() / volume[t - 59 : t + 1].mean()),
        "amihud_20d": math.log((np.abs(daily) / (amount / 1e8))[t - 19 : t + 1].mean()),
        "range_5d": np.log(price["high"] / price["low"])[t - 4 : t + 1].mean(),
        "price_position_60d": (close[t] - lowest) / (highest - lowest),
        "close_to_vwap_1d": math.log(rows["close"][t] / rows["vwap"][t]),
        "gap_1d": math.log(price["open"][t] / close[t - 1]),
        "max_return_20d": daily[t - 19 : t + 1].max(),
    }
    found = of(computed(*cleaned), "sh600002").row(t, named=True)
    assert set(expected) == set(NAMES)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_windows_count_sessions_not_rows(cleaned):
    """After 12 suspended sessions a 20-session window holds the 7 before them; a return goes to the last price."""
    rows, found = of(cleaned[0], "sz000003"), of(computed(*cleaned), "sz000003")
    resumed = found.row(150, named=True)
    close = rows["close"].to_numpy()
    assert resumed["return_1d"] == pytest.approx(math.log(close[162] / close[149]), abs=1e-14)
    assert resumed["return_5d"] == pytest.approx(math.log(close[162] / close[149]), abs=1e-14)
    assert resumed["return_20d"] == pytest.approx(math.log(close[162] / close[142]), abs=1e-14)
    assert resumed["range_5d"] is None
    assert resumed["volatility_20d"] is None
    assert found.row(151, named=True)["volatility_20d"] is None
    assert found.row(162, named=True)["volatility_20d"] is not None


def test_too_few_sessions_give_null(cleaned):
    first = of(computed(*cleaned), "sh600001")
    counts = {name: first[name].is_null().sum() for name in NAMES}
    assert counts == {
        "return_1d": 1,
        "return_5d": 5,
        "return_20d": 20,
        "return_60d": 60,
        "volatility_20d": 10,
        "volatility_60d": 30,
        "volume_ratio_1d_20d": 10,
        "volume_ratio_5d_60d": 29,
        "amihud_20d": 10,
        "range_5d": 2,
        "price_position_60d": 29,
        "close_to_vwap_1d": 0,
        "gap_1d": 1,
        "max_return_20d": 10,
    }


def test_a_month_with_the_declared_look_back_equals_the_whole_to_the_bit(cleaned):
    rows, sessions = cleaned
    whole = computed(rows, sessions)
    declared = price_volume.table.look_back["bars"]
    for month in range(1, 13):
        wanted = sessions["session"].filter(sessions["session"].dt.month() == month)
        start = max(sessions["session"].search_sorted(wanted[0]) - declared, 0)
        inside = pl.col("session").is_between(sessions["session"][start], wanted[-1])
        part = computed(rows.filter(inside), sessions.filter(inside)).filter(pl.col("session") >= wanted[0])
        expected = whole.filter(pl.col("session").is_between(wanted[0], wanted[-1]))
        assert_frame_equal(part, expected, check_exact=True)


def test_the_level_of_the_adjustment_does_not_matter(cleaned):
    rows, sessions = cleaned
    scaled = rows.with_columns(adj_factor=pl.col("adj_factor") * 37.3)
    assert_frame_equal(computed(scaled, sessions), computed(*cleaned), rel_tol=0, abs_tol=1e-12)


def test_later_rows_change_nothing(cleaned):
    rows, sessions = cleaned
    early = pl.col("session") <= date(2014, 7, 31)
    assert_frame_equal(
        computed(rows.filter(early), sessions.filter(early)), computed(*cleaned).filter(early), check_exact=True
    )


def test_values_are_finite_or_null(cleaned):
    still = cleaned[0].with_columns(
        **{name: pl.when(~pl.col("is_suspended")).then(10.0) for name in ("open", "high", "low", "close", "vwap")},
        adj_factor=pl.lit(1.0),
    )
    for table in (computed(*cleaned), computed(still, cleaned[1])):
        assert table.select(pl.col(NAMES).is_finite().all()).row(0) == (True,) * len(NAMES)
    assert computed(still, cleaned[1])["amihud_20d"].null_count() == still.filter(~pl.col("is_suspended")).height


def test_every_column_says_what_it_is():
    for name in NAMES:
        assert set(PriceVolume.columns()[name].metadata) == {"definition", "unit"}, name


def test_few_sessions_and_no_bars_are_no_error(cleaned):
    short = cleaned[1].head(7)
    few = cleaned[0].filter(pl.col("session").is_in(short["session"].implode()))
    assert computed(few, short).height == few.filter(~pl.col("is_suspended")).height
    assert computed(cleaned[0].clear(), cleaned[1].clear()).is_empty()
