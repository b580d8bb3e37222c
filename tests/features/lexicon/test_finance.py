import numpy as np
import polars as pl
import pytest

from assets.features.characters import characters
from assets.features.lexicon import finance
from assets.features.lexicon.finance import WORDS, lexicon, sign_counts, tone


def counted(*texts: str | None) -> list[list[int]]:
    return sign_counts(characters(pl.Series(texts, dtype=pl.String))).tolist()


@pytest.mark.parametrize(
    ("text", "positive", "negative"),
    [
        ("净利润同比增长20%", 1, 0),
        ("公司股价大幅下跌", 0, 1),
        ("Apple beats estimates", 1, 0),
        ("shares FELL after a profit warning", 0, 2),
        ("nothing to see", 0, 0),
        ("", 0, 0),
    ],
)
def test_signed_words_are_found_in_both_languages(text, positive, negative):
    assert counted(text) == [[positive, negative]]


@pytest.mark.parametrize(
    ("text", "positive", "negative"),
    [
        ("未出现亏损", 1, 0),
        ("不存在虚假记载、误导性陈述", 2, 0),
        ("公司没有盈利", 0, 1),
        ("not a loss", 1, 0),
        ("no growth", 0, 1),
        ("didn't beat", 0, 1),
        ("didn’t beat", 0, 1),
    ],
)
def test_a_negation_turns_the_words_close_behind_it(text, positive, negative):
    assert counted(text) == [[positive, negative]]


def test_a_negation_ends_with_its_clause_and_with_its_reach():
    assert counted("并未停牌，净利润增长", "no; growth", "not one of these many shares: gains") == [
        [2, 0],
        [1, 0],
        [1, 0],
    ]
    assert counted("无一二三四五六七八增长", "无一二三四五六七八九增长") == [[0, 1], [1, 0]]
    assert counted("no one two growth", "no one two three growth") == [[0, 1], [1, 0]]


def test_the_longest_word_counts():
    assert counted("扭亏为盈", "亏损收窄", "非公开发行", "未来亏损", "loss narrows", "best buy") == [
        [1, 0],
        [1, 0],
        [0, 0],
        [0, 1],
        [1, 0],
        [0, 0],
    ]


def test_a_word_with_spaces_around_it_is_whole():
    assert counted("rewinding", "bulldozer", "winner-takes-all", "Bull!", "A股bull市") == [
        [0, 0],
        [0, 0],
        [1, 0],
        [1, 0],
        [1, 0],
    ]


def test_tone_is_the_balance_of_signed_words_and_unknown_without_any():
    np.testing.assert_array_equal(tone(np.array([[3, 1], [0, 2], [0, 0]])), [0.5, -1.0, np.nan])


def test_the_words_are_many_unique_and_written_as_texts_are():
    frame = pl.read_csv(WORDS)
    assert frame.columns == ["word", "sign", "language"]
    counts = dict(frame.group_by("language", "sign").len().select(pl.concat_str("language", "sign"), "len").iter_rows())
    assert min(counts[f"{language}{sign}"] for language in ("zh", "en") for sign in ("positive", "negative")) >= 300
    written = characters(frame["word"])
    same = "".join(map(chr, written.points_P))
    assert same == "".join(frame["word"]), "a word that is written otherwise can never be found"


def test_every_word_is_found_as_itself():
    frame = pl.read_csv(WORDS)
    for word, sign in frame.select("word", "sign").iter_rows():
        expected = {"positive": [1, 0], "negative": [0, 1]}.get(sign, [0, 0])
        assert counted(word) == [expected], word


@pytest.mark.parametrize("rows", ["good,up,en", "good,positive,en\ngood,negative,en", ",positive,en"])
def test_a_file_with_a_wrong_sign_or_a_doubled_word_is_refused(rows, tmp_path, monkeypatch):
    path = tmp_path / "words.csv"
    path.write_text(f"word,sign,language\n{rows}\n", encoding="utf-8")
    monkeypatch.setattr(finance, "WORDS", path)
    lexicon.cache_clear()
    with pytest.raises(ValueError, match=r"words\.csv has"):
        lexicon()
    lexicon.cache_clear()
