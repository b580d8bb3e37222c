"""Random panel and Qlib folder: what is drawn looks like bars, and comes back from Qlib's layout as it was written."""

from pathlib import Path

import numpy as np
import pytest

from assets.sources.vendors.qlib_files import read_calendar, read_instruments, read_series
from benchmarks.qlib_folder import write_qlib_folder
from benchmarks.random_panel import as_float32, random_panel, weekdays


def test_prices_are_ordered_and_in_cents() -> None:
    bars = random_panel(20, 300, seed=3).traded
    held = ~np.isnan(bars["close"])
    for name in ("open", "close", "vwap"):
        assert np.all((bars["low"] <= bars[name])[held]), name
        assert np.all((bars["high"] >= bars[name])[held]), name
    np.testing.assert_allclose(bars["close"] * 100, np.round(bars["close"] * 100), atol=1e-6)
    assert np.all(bars["low"][held] > 0)
    assert np.all(bars["volume"][held] >= 100)


def test_about_the_asked_share_is_missing_in_every_field() -> None:
    bars = random_panel(50, 400, seed=1, missing=0.05).traded
    gone = np.isnan(bars["close"])
    assert 0.04 < gone.mean() < 0.06
    assert all(np.array_equal(np.isnan(one), gone) for one in bars.values())


def test_the_same_seed_gives_the_same_panel_and_another_another() -> None:
    one, again, other = (random_panel(3, 50, seed).adjusted["close"] for seed in (1, 1, 2))
    assert np.array_equal(one, again, equal_nan=True)
    assert not np.array_equal(one, other, equal_nan=True)


def test_a_dividend_does_not_move_the_traded_price_but_the_adjusted_one() -> None:
    panel = random_panel(30, 400, seed=0)
    paid = np.diff(panel.factor, axis=1) > 0
    assert 0 < paid.mean() < 0.02
    moves = np.abs(np.diff(np.log(panel.traded["close"]), axis=1))
    assert np.nanmax(moves[paid]) < 0.2


def test_adjusted_values_are_exact_in_float32() -> None:
    for values in random_panel(4, 60, seed=0).adjusted.values():
        assert np.array_equal(as_float32(values), values, equal_nan=True)


def test_sessions_are_weekdays_in_order() -> None:
    days = weekdays(30)
    assert len(set(days)) == 30
    assert list(days) == sorted(days)
    assert all(day.weekday() < 5 for day in days)


def test_a_folder_in_qlibs_layout_comes_back_as_it_was_written(tmp_path: Path) -> None:
    panel = random_panel(6, 80, seed=5, missing=0.3)
    fields = panel.adjusted
    write_qlib_folder(tmp_path, panel.sessions, panel.securities, fields)
    assert read_calendar(tmp_path).to_list() == list(panel.sessions)
    assert read_instruments(tmp_path, "all")["security_id"].to_list() == list(panel.securities)
    for row, security in enumerate(panel.securities):
        for name, values in fields.items():
            read = read_series(tmp_path / "features" / security / f"{name}.day.bin", len(panel.sessions))
            assert np.array_equal(read.between(0, len(panel.sessions)), values[row], equal_nan=True)


def test_a_security_without_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sz000002 has no value in 3 sessions; leave it out"):
        write_qlib_folder(
            tmp_path, weekdays(3), ["sz000001", "sz000002"], {"close": np.array([[1.0, 2, 3], [np.nan] * 3])}
        )
