"""Execution benchmark: the cases say what they must, a wrong expectation is found, and every rule has its cases."""

from dataclasses import replace

import pytest

from benchmarks.execution import differences, read_cases

CASES = read_cases()
BY_NAME = {case.case: case for case in CASES}


def test_there_are_enough_cases_each_worked_by_hand():
    assert len(CASES) == len(BY_NAME) >= 85
    assert all(case.worked and case.rule for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.case)
def test_a_case_is_as_it_was_worked_by_hand(case):
    assert list(differences(case)) == []


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("duty_2023_halved", "stamp_duty=50", "stamp_duty=50.01"),
        ("t_plus_1", "2018-01-03 sell nothing", "2018-01-04 sell nothing"),
        ("locked_up_buy_refused", "reason=locked_up", "reason=locked_down"),
        ("delisted_at_the_last_close", "cash=100073", "cash=100073.01"),
    ],
)
def test_a_wrong_expectation_is_found(name, right, wrong):
    case = BY_NAME[name]
    assert right in case.expected
    assert list(differences(replace(case, expected=case.expected.replace(right, wrong))))
