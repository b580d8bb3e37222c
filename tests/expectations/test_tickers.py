from datetime import date

import polars as pl

from expectations.tickers import reborn, ticker


def test_a_life_bears_its_ticker_and_its_date_and_gives_the_ticker_back():
    frame = pl.DataFrame({"ticker": ["sz000001", "sh600000"], "session": [date(2015, 6, 1), date(2016, 1, 4)]})
    named = frame.select("ticker", security_id=reborn(pl.col("ticker"), pl.col("session")))
    assert named["security_id"].to_list() == ["sz000001@2015-06-01", "sh600000@2016-01-04"]
    assert named.select(ticker(pl.col("security_id"))).to_series().to_list() == named["ticker"].to_list()


def test_the_first_life_is_called_by_its_ticker_alone_and_an_unknown_one_stays_unknown():
    first = pl.DataFrame({"security_id": ["sz000001", None]})
    assert first.select(ticker(pl.col("security_id"))).to_series().to_list() == ["sz000001", None]
