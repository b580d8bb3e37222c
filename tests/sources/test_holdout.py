"""Holdout: nothing of a sealed range or after it is handed on, until there is a record that opens it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assets.sources.files import FilesSpec
from assets.sources.holdout import Opening, SealedRange, is_open, last_readable
from assets.sources.mapping import MAPPINGS, load_mapping
from expectations.facts import RawStatements
from expectations.tables import RawBars
from tests.sources.test_fact_files import HEADER as FACT_HEADER
from tests.sources.test_fact_files import STATEMENTS
from tests.sources.test_files import MAPPING, written

SEALED = SealedRange(first=date(2015, 7, 1), last=date(2015, 9, 30))
AT = datetime(2026, 11, 23, tzinfo=UTC)
DAYS = st.dates(date(2014, 1, 1), date(2017, 1, 1))
SPAN = (date(2015, 1, 1), date(2015, 12, 31))


def opening(source: str = "shares", first: date = SEALED.first, last: date = SEALED.last) -> Opening:
    return Opening(source=source, first=first, last=last, reason="the final look", opened_at=AT)


OPENINGS = st.lists(
    st.builds(
        lambda source, days: opening(source, *sorted(days)),
        st.sampled_from(["shares", "others"]),
        st.tuples(DAYS, DAYS),
    )
)


@given(st.one_of(st.none(), DAYS), OPENINGS)
def test_a_sealed_range_is_read_whole_or_not_at_all(last, openings):
    found = last_readable("shares", last, SEALED, openings)
    if is_open("shares", SEALED, openings):
        assert found == last
    else:
        assert found is not None
        assert found < SEALED.first
        assert found == (SEALED.first - timedelta(days=1) if last is None else min(last, date(2015, 6, 30)))
    assert last_readable("shares", last, None, openings) == last


@pytest.mark.parametrize(
    ("record", "opens"),
    [
        (opening(), True),
        (opening(first=date(2015, 1, 1), last=date(2020, 1, 1)), True),
        (opening(source="others"), False),
        (opening(last=date(2015, 9, 29)), False),
        (opening(first=date(2015, 7, 2)), False),
    ],
)
def test_a_record_opens_what_it_covers_of_its_own_source(record, opens):
    assert is_open("shares", SEALED, [record]) is opens


def test_an_opening_says_why_and_a_range_goes_forward():
    with pytest.raises(ValidationError, match="reason"):
        Opening(**{**opening().model_dump(), "reason": "why not"})
    with pytest.raises(ValidationError, match="sealed begins on 2015-02-01, after its end on 2015-01-01"):
        SealedRange(first=date(2015, 2, 1), last=date(2015, 1, 1))


def shares(folder: Path, **changes: object) -> FilesSpec:
    """Bars of 2015, one a month, and statements, in a folder named shares; the third quarter is sealed."""
    place = folder / "shares"
    place.mkdir(exist_ok=True)
    line = "sh600000,2015-{:02d}-02,10.0,10.5,9.8,10.2,10.1,1000,10100,1.5"
    written(place, [line.format(month) for month in range(1, 13)])
    facts = [f"sh600000,20150{quarter},revenue,5.0,2015-0{3 * quarter}-22" for quarter in (1, 2, 3)]
    (place / "facts").mkdir(exist_ok=True)
    (place / "facts" / "one.csv").write_text("\n".join([FACT_HEADER, *facts]))
    wanted = {**STATEMENTS, "folder": "facts"}
    sealed = {"first": SEALED.first, "last": SEALED.last}
    (place / "mapping.yaml").write_text(yaml.safe_dump({**MAPPING, "facts": [wanted], "sealed": sealed, **changes}))
    return FilesSpec(folder=place)


def test_no_row_of_a_sealed_range_or_after_it_is_handed_on_neither_bars_nor_facts(tmp_path):
    source = shares(tmp_path)
    assert source.last_session() == date(2015, 6, 30)
    assert source.read(RawBars, *SPAN)["session"].max() == date(2015, 6, 2)
    assert source.read(RawBars, SEALED.first, SPAN[1]).is_empty()
    assert source.read(RawStatements, *SPAN)["known_on"].max() == date(2015, 6, 23)
    assert source.deliveries()["rows"].to_list() == [6, 2]
    months = [date(2015, month, 1) for month in range(1, 13)]
    assert len(set(source.digests(RawBars, months[6:]).values())) == 1


def test_an_opened_range_and_what_comes_after_it_is_ordinary_data(tmp_path):
    source = shares(tmp_path)
    opened = source.model_copy(update={"openings": (opening(),)})
    assert opened.last_session() == date(2015, 12, 31)
    assert opened.read(RawBars, *SPAN).height == 12
    assert opened.read(RawStatements, *SPAN).height == 3
    assert opened.deliveries()["rows"].to_list() == [12, 3]
    unsealed = shares(tmp_path, sealed=None)
    months = [date(2015, month, 1) for month in range(1, 13)]
    assert opened.digests(RawBars, months) == unsealed.digests(RawBars, months)
    assert opened.model_dump_json() == source.model_dump_json() == unsealed.model_dump_json()


def test_the_record_of_another_source_opens_nothing(tmp_path):
    source = shares(tmp_path).model_copy(update={"openings": (opening(source="others"),)})
    assert source.last_session() == date(2015, 6, 30)


def test_without_a_declared_end_the_seal_is_the_end(tmp_path):
    assert shares(tmp_path, first=None, last=None).last_session() == date(2015, 6, 30)


def test_a_seal_that_leaves_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="sealed begins on 2015-01-01, no later than first 2015-01-01"):
        shares(tmp_path, sealed={"first": SPAN[0], "last": SPAN[1]}).holdout()


def test_the_kept_mapping_seals_2018():
    mapping = load_mapping(Path("nowhere"), MAPPINGS / "ashare_2012_2018.yaml")
    assert mapping.sealed == SealedRange(first=date(2018, 1, 1), last=date(2018, 12, 31))
    assert pl.Series([mapping.last])[0] == date(2018, 12, 31)
