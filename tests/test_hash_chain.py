"""Hash chain: whatever is done to a chain but growing it is seen, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.hash_chain import BrokenChainError, Head, Link, extended, head_of, read, verify, written

RECORDS = st.lists(
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text(max_size=9)), max_size=3),
    max_size=8,
)


def chain_of(records: list[dict[str, object]]) -> list[Link]:
    chain: list[Link] = []
    for record in records:
        chain = extended(chain, record)
    return chain


@given(RECORDS)
def test_a_chain_is_read_back_whole_and_verified_against_every_head_that_it_has_had(records):
    chain = chain_of(records)
    again = read(written(chain))
    assert again == chain
    assert [link.record for link in again] == records
    for length in range(len(chain) + 1):
        verify(again, head_of(chain[:length]))


@given(RECORDS.filter(len), st.data())
def test_a_link_that_is_taken_out_or_changed_or_moved_is_seen(records, data):
    chain = chain_of(records)
    place = data.draw(st.integers(0, len(chain) - 1))
    with pytest.raises(BrokenChainError):
        verify([*chain[:place], *chain[place + 1 :]], head_of(chain))
    link = chain[place]
    other = extended(chain[:place], {**link.record, "added": 1})[-1]
    for forged in (Link(other.content, link.previous, link.hash), Link(link.content, link.previous, other.hash), other):
        with pytest.raises(BrokenChainError):
            verify([*chain[:place], forged, *chain[place + 1 :]], head_of(chain))
    if place:
        with pytest.raises(BrokenChainError):
            verify([*chain[: place - 1], link, chain[place - 1], *chain[place + 1 :]], head_of(chain))


@given(RECORDS.filter(len))
def test_a_chain_that_is_cut_anywhere_is_seen_by_its_head(records):
    chain = chain_of(records)
    for length in range(len(chain)):
        with pytest.raises(BrokenChainError, match=f"links {length + 1} to {len(chain)} were cut off"):
            verify(chain[:length], head_of(chain))


def test_a_chain_begun_anew_is_not_the_one_of_the_head():
    first, second = chain_of([{"a": 1}, {"a": 2}]), chain_of([{"a": 3}, {"a": 4}, {"a": 5}])
    with pytest.raises(BrokenChainError, match="link 2 of 3 is another one than was written"):
        verify(second, head_of(first))
    verify([], Head())


def test_the_first_link_at_fault_is_named():
    chain = chain_of([{"a": 1}, {"a": 2}, {"a": 3}])
    forged = Link(chain[1].content.replace("2", "9"), chain[1].previous, chain[1].hash)
    with pytest.raises(BrokenChainError, match=r'link 2 of 3 was changed: \{"a": 9\}'):
        verify([chain[0], forged, chain[2]], head_of(chain))
    with pytest.raises(BrokenChainError, match="link 2 of 2 does not follow"):
        verify([chain[0], chain[2]], Head())


@pytest.mark.parametrize("line", ["torn", "[]", "{}", '{"content": 1}'])
def test_a_line_that_is_no_link_is_named(line):
    with pytest.raises(BrokenChainError, match="line 2 is no link"):
        read(written(chain_of([{"a": 1}])) + line)
