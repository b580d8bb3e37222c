"""Tests of windows and of the table made of them."""

import numpy as np
import pytest

from models.windows import TO_CLOSE, TableLayout, check_windows, relative_to_last_close, windows

PRICES = ("open", "high", "low", "vwap")


def prices(seed=0, windows_=6, sessions=9):
    """Closes and four other prices [B, L], positive."""
    rng = np.random.default_rng(seed)
    close = 10 * np.exp(np.cumsum(rng.normal(0, 0.03, (windows_, sessions)), axis=1))
    return close, {name: close * np.exp(rng.normal(0, 0.01, close.shape)) for name in PRICES}


def as_stored(close, others):
    """What a panel holds of them: logarithms over the session's own close, and log returns (the first unknown)."""
    returns = np.log(close[:, 1:] / close[:, :-1])
    columns = {f"{name}_to_close": np.log(values / close) for name, values in others.items()}
    columns["log_return"] = np.concatenate([np.full((len(close), 1), np.nan), returns], axis=1)
    return tuple(columns), np.stack(list(columns.values()), axis=-1).astype(np.float32)


def test_prices_relative_to_the_last_close_equal_those_computed_from_prices():
    close, others = prices()
    columns, x = as_stored(close, others)
    before = x.copy()
    relative = relative_to_last_close(x, columns)
    np.testing.assert_array_equal(x, before)
    for window in range(len(close)):
        last = close[window, -1]
        for session in range(close.shape[1]):
            for name in PRICES:
                expected = np.log(others[name][window, session] / last)
                assert relative[window, session, columns.index(f"{name}_to_close")] == pytest.approx(expected, abs=1e-6)
            expected = np.log(close[window, session] / last)
            assert relative[window, session, columns.index("log_return")] == pytest.approx(expected, abs=1e-6)


def test_a_suspension_keeps_the_close_and_leaves_its_own_prices_absent():
    close, others = prices()
    close[:, 4] = close[:, 3]
    columns, x = as_stored(close, others)
    x[:, 4] = np.nan
    relative = relative_to_last_close(x, columns)
    np.testing.assert_allclose(relative[:, 3:5, -1], np.log(close[:, 3:5] / close[:, -1:]), atol=1e-6)
    assert np.isnan(relative[:, 4, :-1]).all()


def test_other_columns_and_columns_without_a_return_stay_as_they_are():
    x = np.random.default_rng(0).normal(size=(2, 4, 2)).astype(np.float32)
    np.testing.assert_array_equal(relative_to_last_close(x, ("log_return", "turnover"))[:, :, 1], x[:, :, 1])
    np.testing.assert_array_equal(relative_to_last_close(x, (TO_CLOSE[0], "turnover")), x)


def test_a_window_ends_at_its_cell_and_is_absent_before_the_panel(x_STF):
    x = windows(x_STF, np.array([3, 3]), np.array([7, 1]), 4)
    np.testing.assert_array_equal(x[0], x_STF[3, 4:8])
    assert np.isnan(x[1, :2]).all()
    np.testing.assert_array_equal(x[1, 2:], x_STF[3, :2])


def test_the_table_of_cells_equals_the_table_of_their_windows(x_STF, train, layout):
    x = windows(x_STF, train.securities_B, train.sessions_B, layout.look_back)
    rows = train.rows(layout, 0, len(train))
    np.testing.assert_array_equal(rows, layout.of_windows(x))
    assert rows.shape == (len(train), len(layout.names))


def test_the_table_holds_all_lags_of_a_sequence_and_the_last_value_of_the_rest(x_STF, layout):
    row = dict(zip(layout.names, layout.of_cells(x_STF, np.array([2]), np.array([50]))[0], strict=True))
    assert row["turnover"] == x_STF[2, 50, 2]
    assert row["log_return_lag_0"] == 0
    assert row["log_return_lag_1"] == -x_STF[2, 50, 1]
    assert row["open_to_close_lag_0"] == x_STF[2, 50, 0]
    assert len(row) == 5 * 2 + 1


def test_a_layout_without_sequence_columns_is_the_last_session(x_STF):
    layout = TableLayout(("a", "b", "c"), (), look_back=5)
    np.testing.assert_array_equal(layout.of_cells(x_STF, np.array([1]), np.array([9])), x_STF[1, 9][None])


def test_windows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 4, 3\); this model needs \[any, 5, 3\]"):
        check_windows(np.zeros((2, 4, 3), dtype=np.float32), 5, ("a", "b", "c"))


def test_every_column_of_the_table_has_the_group_of_its_feature(layout):
    assert layout.group_names == ("price_window",) * 10 + ("activity",)
    assert len(layout.group_names) == len(layout.names)
    assert set(TableLayout(layout.columns, layout.sequence_columns, 5).group_names) == {""}
