import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.features.characters import characters


def written(texts: list[str | None]) -> list[str]:
    found = characters(pl.Series(texts, dtype=pl.String))
    points, starts = found.points_P, found.starts_N
    return ["".join(map(chr, points[starts[n] : starts[n + 1]])) for n in range(len(found))]


def test_a_text_is_written_in_one_way():
    assert written(["ＡＢc：１２３％", "Net\tprofit\u3000+5.1", None, "净利润"]) == [
        "abc:000%",
        "net profit +0.0",
        "",
        "净利润",
    ]


def test_characters_beyond_the_basic_plane_are_one_character():
    assert written(["a\U0001f680b"]) == ["a\U0001f680b"]


@settings(deadline=None)
@given(st.lists(st.text(max_size=8), max_size=5))
def test_no_text_changes_its_length_or_its_neighbours(texts):
    found = written(texts)
    assert [len(text) for text in found] == [len(text) for text in texts]
    assert found == [written([text])[0] for text in texts]


def test_writing_twice_changes_nothing():
    once = written(["Ｑ1 2017：Ｐrofit\n±３％"])
    assert written(once) == once
