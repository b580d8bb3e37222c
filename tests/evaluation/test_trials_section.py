"""Trials section: the number of looks and the state of the holdout, in words."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from assets.evaluation.trials import MEMBERS, Family, Trial, TrialReturns
from assets.evaluation.trials_section import GUARDS, Looks, counted, holdout, trials_header, trials_section
from assets.sources.holdout import Opening, SealedRange

FIRST, LAST = date(2015, 7, 1), date(2017, 6, 30)
SEALED = SealedRange(first=date(2018, 1, 1), last=date(2018, 12, 31))
OPENING = Opening(
    source="shares", first=SEALED.first, last=SEALED.last, reason="the final look at <one> model",
    opened_at=datetime(2026, 11, 23, tzinfo=UTC),
)  # fmt: skip
EARLIER = OPENING.model_copy(update={"first": date(2016, 1, 1), "last": date(2016, 12, 31)})


def made(returns: list[str | None], sealed: SealedRange | None = None, *openings: Opening, elsewhere: int = 0) -> Looks:
    at = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    rows = [
        (f"t{place}", f"study <{place}>", at, FIRST, LAST, content, content and 484)
        for place, content in enumerate(returns)
    ]
    members = pl.DataFrame(rows, schema=MEMBERS, orient="row")
    trial = Trial(id="t0", source="shares", basket=None, first_test=FIRST, last_test=LAST)
    return Looks(Family(trial, members, TrialReturns.create_empty()), elsewhere, sealed, openings)


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        (["a"], "1 trial in this family."),
        (["a", "b"], "2 trials in this family."),
        (["a", None, None], "3 trials in this family, 2 of them without stored returns."),
    ],
)
def test_failed_trials_are_counted_and_said(returns, said):
    assert counted(made(returns)) == said


@pytest.mark.parametrize(
    ("sealed", "openings", "said"),
    [
        (None, (), "shares declares no sealed holdout."),
        (SEALED, (), f"The holdout of shares, 2018-01-01 to 2018-12-31, is sealed, and was never opened. {GUARDS}"),
        (
            SEALED,
            (OPENING,),
            "The holdout of shares was opened once (2018-01-01 to 2018-12-31 on 2026-11-23: the final look at <one> "
            f"model). What was opened is ordinary data since. {GUARDS}",
        ),
        (
            SEALED,
            (EARLIER,),
            "The holdout of shares was opened once (2016-01-01 to 2016-12-31 on 2026-11-23: the final look at <one> "
            f"model). The holdout of shares, 2018-01-01 to 2018-12-31, is sealed. {GUARDS}",
        ),
    ],
)
def test_the_holdout_is_told_sealed_or_opened_with_dates_and_reason(sealed, openings, said):
    assert holdout(made(["a"], sealed, *openings)) == said


def test_each_opening_is_counted():
    assert "was opened 2 times" in holdout(made(["a"], SEALED, OPENING, OPENING))
    assert "was opened 2 times" in holdout(made(["a"], None, OPENING, OPENING))


def test_the_header_tells_both_and_what_other_ledgers_have():
    header = trials_header(made(["a", None], SEALED, OPENING))
    assert "<b>2 trials in this family, 1 of them without stored returns.</b>" in header
    assert "&lt;one&gt;" in header
    assert "more of other ledgers" not in header
    assert "knows 7 more of other ledgers, which are not counted" in trials_header(made(["a"], elsewhere=7))


def test_the_section_lists_the_family_and_marks_its_own():
    section = trials_section(made(["a", None]))
    assert "<td class=text>this one<td class=text>study &lt;0&gt;<td class=text>2026-11-22 10:30 UTC" in section
    assert "<td class=text>t1<td class=text>study &lt;1&gt;" in section
    assert "2015-07-01 to 2017-06-30<td class=number>484" in section
