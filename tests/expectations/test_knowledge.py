"""Tests of what may have been learnt outside of the pipeline, and until when."""

from dataclasses import dataclass
from datetime import date

import pytest

from expectations.evidence import KNOWLEDGE_CUTOFF
from expectations.knowledge import knowledge_cutoff
from expectations.suites import judge


@dataclass(frozen=True)
class Fold:
    """The windows of a fold."""

    key: str
    test_start: date
    train_start = valid_start = test_end = date(2015, 1, 1)


FOLDS = [Fold("2015-07-01", date(2015, 7, 1)), Fold("2016-01-01", date(2016, 1, 1))]


@pytest.mark.parametrize(
    ("last", "passed"),
    [
        (None, [True, True]),
        (date(2015, 6, 30), [True, True]),
        (date(2015, 7, 1), [False, True]),
        (date(2015, 12, 31), [False, True]),
        (date(2016, 1, 1), [False, False]),
    ],
)
def test_a_test_window_must_begin_after_the_last_day_that_is_known(last, passed):
    found = knowledge_cutoff("study", {"encoded": last}, FOLDS)
    assert found.schema == KNOWLEDGE_CUTOFF
    assert found["passed"].to_list() == passed
    assert judge("knowledge", {"knowledge_cutoff": found}).passed is all(passed)


def test_a_failure_names_experiment_group_and_fold():
    found = knowledge_cutoff("study", {"price": None, "encoded": date(2015, 8, 1)}, FOLDS)
    assert found.height == 4
    verdict = judge("knowledge", {"knowledge_cutoff": found})
    assert verdict.failures == ("knowledge_cutoff: experiment study, group encoded, fold 2015-07-01: passed is False",)


def test_without_evidence_nothing_is_shown():
    assert not judge("knowledge", {"knowledge_cutoff": KNOWLEDGE_CUTOFF.to_frame()}).passed
