import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.features.character_grams import hashed_counts, novelty
from assets.features.characters import characters

MASK = (1 << 64) - 1


def hashed(run: str) -> int:
    """The hash of a run, in whole numbers of Python."""
    key = 0
    for sign in run:
        key = ((key ^ ord(sign)) * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & MASK
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        key = ((key ^ key >> 33) * factor) & MASK
    return key ^ key >> 33


def counted(text: str, buckets: int) -> list[int]:
    counts = [0] * buckets
    for first in range(len(text)):
        for size in range(1, min(3, len(text) - first) + 1):
            key = hashed(text[first : first + size])
            counts[key % buckets] += -1 if key >> 63 else 1
    return counts


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab 利润增长。", max_size=12), min_size=1, max_size=4), st.sampled_from([1, 8, 128]))
def test_counts_are_those_of_a_slow_reference(texts, buckets):
    found = hashed_counts(characters(pl.Series(texts, dtype=pl.String)), buckets)
    assert found.tolist() == [counted(text, buckets) for text in texts]


def test_the_hash_never_changes():
    """Written down once: models fitted on these columns hold as long as this test does."""
    found = hashed_counts(characters(pl.Series(["净利润 up"])), 16)[0]
    assert found.tolist() == [0, -1, 1, 0, 0, 0, 0, 0, 0, 1, 0, -1, 1, 0, -2, 0]


def test_runs_are_shared_out_evenly_and_signs_are_balanced():
    texts = pl.Series(["".join(map(chr, range(0x4E00 + 200 * n, 0x4E00 + 200 * n + 200))) for n in range(50)])
    one_by_one = [hashed_counts(characters(pl.Series([sign])), 128)[0] for sign in texts[0]]
    assert set(np.abs(one_by_one).sum(axis=1)) == {1}
    total = hashed_counts(characters(texts), 128).sum(axis=0)
    assert np.abs(total).max() < 5 * np.sqrt(50 * 597 / 128)
    assert abs(total.sum()) < 5 * np.sqrt(50 * 597)


@pytest.mark.parametrize("buckets", [0, 100, -2])
def test_a_number_of_buckets_that_is_no_power_of_two_is_refused(buckets):
    with pytest.raises(ValueError, match="power of two"):
        hashed_counts(characters(pl.Series(["a"])), buckets)


def test_what_was_told_before_is_not_new():
    texts = ["公司净利润增长", "公司净利润增长", "公司净利润下降", "zzz", ""]
    found = novel(texts, [0] * 5, [3] * 5, 20)
    assert found.tolist() == [1.0, 0.0, 2 / 5, 1.0, 1.0]


def test_novelty_looks_at_the_own_security_and_only_so_far_back():
    same = ["公司净利润增长"] * 4
    assert novel(same, [0, 1, 1, 1], [5, 5, 15, 26], 10).tolist() == [1.0, 1.0, 0.0, 1.0]


def novel(texts: list[str], securities: list[int], places: list[int], sessions: int) -> np.ndarray:
    return novelty(characters(pl.Series(texts)), np.array(securities), np.array(places), sessions)


@settings(deadline=None)
@given(st.data())
def test_novelty_is_that_of_a_slow_reference(data):
    size = data.draw(st.integers(1, 12))
    texts = data.draw(st.lists(st.text(alphabet="ab增长", max_size=7), min_size=size, max_size=size))
    told = sorted(data.draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=size, max_size=size)))
    expected = []
    for i, (text, (security, place)) in enumerate(zip(texts, told, strict=True)):
        before = [texts[j] for j in range(i) if told[j][0] == security and place - told[j][1] <= 4]
        seen = {run for other in before for run in runs(other)}
        new = [run not in seen for run in runs(text)]
        expected.append(sum(new) / len(new) if new else 1.0)
    found = novel(texts, [security for security, _ in told], [place for _, place in told], 4)
    assert found.tolist() == expected


def runs(text: str) -> list[str]:
    return [text[i : i + 3] for i in range(max(len(text) - 2, 1))] if text else []
