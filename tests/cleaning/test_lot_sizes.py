from datetime import date

import polars as pl

from assets.cleaning.lot_sizes import lots, lots_by_session


def test_lots_and_caps_are_those_of_board_and_day():
    frame = pl.DataFrame({"session": [date(2020, 8, 21), date(2020, 8, 24), date(2020, 8, 24)]}).with_columns(
        board=pl.Series(["chinext", "chinext", "star"])
    )
    found = lots(frame).select("lot_minimum", "lot_step", "lot_cap_limit", "lot_cap_market").rows()
    assert found == [(100, 100, 1_000_000, 1_000_000), (100, 100, 300_000, 150_000), (200, 1, 100_000, 50_000)]


def test_arrays_of_the_lots_stand_in_the_order_of_the_boards():
    minimum_TB, step_TB = lots_by_session([date(2010, 1, 4), date(2022, 1, 4)])
    assert minimum_TB.tolist() == [[100, 100, 200, 100]] * 2
    assert step_TB.tolist() == [[100, 100, 1, 1]] * 2
