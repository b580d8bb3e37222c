from assets.cleaning.rules.attendance import THIN_SESSION


def test_a_session_that_most_of_the_rows_lack_is_flagged_for_those_it_has(calm, cells):
    gone = {name: [90] for name in ("sh600001", "sh600002")}
    assert cells(THIN_SESSION, calm(absent=gone)) == {
        name: [90] for name in ("sh600003", "sh600004", "sz000005", "sz300006")
    }


def test_suspended_names_have_rows_and_one_missing_name_is_no_thin_session(calm, cells):
    assert cells(THIN_SESSION, calm(suspended={name: [90] for name in ("sh600001", "sh600002")})) == {}
    assert cells(THIN_SESSION, calm(absent={"sh600001": [90]})) == {}
