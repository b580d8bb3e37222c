import polars as pl
import pytest

from assets.features import statement_items as module
from assets.features.statement_items import MEANINGS, meant, statement_items


def test_every_row_says_where_it_is_from_and_every_meaning_has_an_item():
    rows = statement_items()
    assert rows["source"].str.len_chars().min() > 10
    assert set(rows["means"]) == set(MEANINGS)
    assert set(rows.filter(pl.col("means").is_in(["net_profit", "revenue"]))["measured"]) == {"year_to_date"}


def test_items_of_all_sources_that_deliver_net_profit_mean_it():
    named = pl.DataFrame({"item": ["net_profit", "netProfit", "net_profit_to_parent", "basic_eps"]})
    found = meant(named.lazy()).sort("preferred", "item").collect()
    assert found["item"].to_list() == ["netProfit", "net_profit", "net_profit_to_parent"]
    assert set(found["means"]) == {"net_profit"}


@pytest.mark.parametrize(
    "row", ["equity,equity,at_period_end,1,x\nequity,equity,at_period_end,1,x", "a,profit,year_to_date,1,x"]
)
def test_a_row_that_is_double_or_means_nothing_is_refused(row, tmp_path, monkeypatch):
    header = "item,means,measured,preferred,source"
    (tmp_path / "statement_items.csv").write_text(f"{header}\n{row}\n")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "statement_items.py"))
    with pytest.raises(ValueError, match=r"statement_items.csv: \[.*(equity|a).*name each item once"):
        statement_items.__wrapped__()
