import polars as pl
import pytest

from assets.features import policy_wording as module
from assets.features.policy_wording import tones, wording

TITLES = [
    ("房地产", "国务院支持房地产行业加快发展", 1),
    ("房地产", "住建部收紧房地产预售", -1),
    ("房地产", "关于房地产的通知", 0),
    ("新能源补贴", "财政部关于新能源补贴的通知", 0),
    ("新能源", "财政部取消补贴", -1),
    ("新能源", "不再支持新建产能", -1),
    ("钢铁", "加快淘汰落后产能", -1),
    ("煤炭", "支持转型，严控新增，压减产量", -1),
    ("煤炭", "鼓励重组，限制新建", 0),
    ("chips", "Government to BOOST chips", 1),
    ("solar", "Ministry ends subsidies for solar", -1),
    ("housing", "City eases restrictions on housing", 1),
    ("support", "Notice on support", 0),
    ("banks", "Urban banking: a supportive view", 0),
]


def test_a_title_has_the_direction_of_its_phrases():
    rows = pl.DataFrame(TITLES, schema=["theme", "title", "expected"], orient="row")
    assert tones(rows).to_list() == rows["expected"].to_list()


def test_titles_that_repeat_and_no_titles_are_no_error():
    rows = pl.DataFrame({"theme": ["a", "b", "a"], "title": ["收紧a", "支持b", "收紧a"]})
    assert tones(rows).to_list() == [-1, 1, -1]
    assert tones(rows.clear()).to_list() == []


def test_every_phrase_says_where_it_is_from_and_is_written_as_it_is_sought():
    rows = wording()
    assert rows["source"].str.len_chars().min() > 10
    assert (rows["phrase"] == rows["phrase"].str.to_lowercase()).all()
    assert not rows["phrase"].str.contains(r"[^\p{Han}a-z \-]").any()


@pytest.mark.parametrize("row", ["a,en,supportive,x\na,en,restrictive,x", "a,en,good,x", "a,de,supportive,x"])
def test_a_phrase_that_is_double_or_of_an_unknown_kind_is_refused(row, tmp_path, monkeypatch):
    (tmp_path / "policy_wording.csv").write_text(f"phrase,language,direction,source\n{row}\n")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "policy_wording.py"))
    with pytest.raises(ValueError, match=r"policy_wording.csv: \['a'.* name each phrase once"):
        wording.__wrapped__()
