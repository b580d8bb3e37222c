from assets.cleaning.rules.listings import LISTING_RUN, NEW_LISTING

NAME = "sh600002"


def test_the_first_sessions_of_a_listing_are_marked_and_no_others(calm, cells):
    assert cells(NEW_LISTING, calm(new={NAME: range(50, 110)})) == {NAME: list(range(50, 110))}


def test_a_run_of_upper_limits_ends_in_the_session_that_opens(calm, cells):
    ups = {NAME: dict.fromkeys(range(50, 57), 0.1)}
    bars = calm(returns=ups, new={NAME: range(50, 110)}, absent={NAME: range(50)})
    assert cells(LISTING_RUN, bars) == {NAME: list(range(50, 58))}


def test_a_halt_neither_ends_a_run_nor_belongs_to_it(calm, cells):
    ups = {NAME: dict.fromkeys([50, 51, 53, 54], 0.1)}
    bars = calm(returns=ups, new={NAME: range(50, 110)}, absent={NAME: range(50)}, suspended={NAME: [52]})
    assert cells(LISTING_RUN, bars) == {NAME: [50, 51, 53, 54, 55]}


def test_limits_reached_by_an_old_name_are_no_listing_run(calm, cells):
    assert cells(LISTING_RUN, calm(returns={NAME: dict.fromkeys(range(50, 57), 0.1)})) == {}


def test_the_length_of_the_run_is_told(calm, rows):
    ups = {NAME: dict.fromkeys(range(50, 53), 0.1)}
    found = rows(LISTING_RUN, calm(returns=ups, new={NAME: range(50, 110)}, absent={NAME: range(50)}))
    assert found["value"].to_list() == [1.0, 2.0, 3.0, 4.0]
