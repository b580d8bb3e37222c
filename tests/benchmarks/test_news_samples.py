from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from benchmarks.news_samples import ASTOCK, MOVES, PRICES, TEST, TRAIN, TWEETS, VALID, astock, missing, stocknet

FIRST = date(2013, 9, 2)


@pytest.fixture
def shared(tmp_path):
    for path in (ASTOCK, MOVES):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    return tmp_path


def weekdays(first: date, count: int) -> list[date]:
    return [day for day in (first + timedelta(days=i) for i in range(2 * count)) if day.weekday() < 5][:count]


def write_stocknet(shared, tweets: list[tuple[str, str, datetime]]) -> list[date]:
    days = weekdays(FIRST, 620)
    pl.DataFrame({"date": days, "ticker": "AAA"}).write_parquet(shared / PRICES)
    moves = {"ticker": "AAA", "date": [str(day) for day in days[90:]]}
    label = pl.Series(np.resize([1.0, -1.0, 0.0, -123321.0], len(days) - 90))
    pl.DataFrame(moves).with_columns(label=label).write_parquet(shared / MOVES)
    names = ("ticker", "text", "created_at_utc")
    pl.DataFrame([dict(zip(names, tweet, strict=True)) for tweet in tweets]).write_parquet(shared / TWEETS)
    return days


def test_a_tweet_is_known_from_the_evening_of_new_york_on_and_never_by_an_earlier_label(shared):
    day = date(2014, 6, 10)
    instant = datetime(2014, 6, 11, 0, 0, 0)  # 20:00 of the 10th in New York, in summer
    days = write_stocknet(shared, [("AAA", "profit", instant), ("AAA", "loss", instant + timedelta(microseconds=1))])
    samples = stocknet(shared)
    told = dict(zip(samples.day_N.tolist(), samples.texts, strict=True))
    at = days.index(day)
    expected = {
        d: ("profit " if at < days.index(d) <= at + 5 else "") + ("loss" if at + 1 < days.index(d) <= at + 6 else "")
        for d in told
    }
    assert {d: text.strip() for d, text in told.items()} == {d: text.strip() for d, text in expected.items()}
    tone = dict(zip(samples.day_N.tolist(), samples.x_NF[:, samples.columns.index("news_items_1d")], strict=True))
    assert {d for d, items in tone.items() if items} == {d for d in told if days.index(d) in (at + 1, at + 2)}


def test_the_dates_of_the_publication_part_the_tweets(shared):
    write_stocknet(shared, [("AAA", "x", datetime(2014, 6, 11))])
    samples = stocknet(shared)
    edges = [samples.day_N[samples.part_N == part].min() for part in (TRAIN, VALID, TEST)]
    assert edges[0] >= np.datetime64("2014-01-02")
    assert edges[1] >= np.datetime64("2015-08-03")
    assert edges[2] >= np.datetime64("2015-10-01")
    assert set(samples.label_N) == {0, 1}
    assert (np.diff(samples.part_N) >= 0).all()


def test_news_is_parted_by_the_day_of_its_label_and_left_out_once_that_has_begun(shared):
    days = weekdays(date(2019, 1, 1), 40)
    rows = {"SECOND_DAY": [str(day) for day in days[::-1]], "label": ["0", "1"] * 20, "text_a": ["公司亏损"] * 40}
    rows["DATE"] = [f"{day} 09:30:00" for day in days[::-1]]
    late = {"SECOND_DAY": [str(days[3])], "label": ["2"], "text_a": ["盘中涨停"], "DATE": [f"{days[3]} 09:31:00"]}
    pl.concat([pl.DataFrame(rows), pl.DataFrame(late)]).write_parquet(shared / ASTOCK)
    samples = astock(shared)
    assert [(samples.part_N == part).sum() for part in (TRAIN, VALID, TEST)] == [20, 8, 12]
    assert (np.diff(samples.day_N) >= np.timedelta64(0)).all()
    assert set(samples.x_NF[:, samples.columns.index("text_tone")]) == {-1.0}


def test_files_that_are_absent_are_named(shared):
    assert missing(shared)[0] == shared / ASTOCK
