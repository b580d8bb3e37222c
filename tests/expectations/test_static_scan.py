"""Static scan: each way of looking ahead is pointed at with its line, and honest code is not."""

import polars as pl
import pytest

from expectations.static_scan import RULES, STATIC_SCAN, static_scan

LOOKS_AHEAD = [
    ("negative shift", 'pl.col("close").shift(-1).over("security_id")'),
    ("negative shift", 'pl.col("close").shift(n=-STEP)'),
    ("negative shift", 'frame["close"].pct_change(periods=-5)'),
    ("negative shift", "np.roll(close_ST, -1, axis=1)"),
    ("centred window", 'pl.col("close").rolling_mean(11, center=True).over("security_id")'),
    ("centred window", 'frame["close"].rolling(11, center=True).mean()'),
    ("backward fill", 'pl.col("profit").fill_null(strategy="backward")'),
    ("backward fill", 'pl.col("profit").backward_fill().over("security_id")'),
    ("backward fill", 'frame.fillna(method="bfill")'),
    ("interpolation", 'pl.col("profit").interpolate()'),
    ("fit in a table", "StandardScaler().fit_transform(frame)"),
    ("fit in a table", "PCA(3).fit(values_NK)"),
    ("as-of join not backward", 'bars.join_asof(news, on="session", strategy="forward")'),
    ("as-of join not backward", 'pd.merge_asof(bars, news, on="session", direction="nearest")'),
    ("as-of join not backward", 'bars.join_asof(news, on="session", strategy=how)'),
    ("accumulated from the end", 'pl.col("close").reverse().rolling_max(5).reverse()'),
    ("accumulated from the end", 'frame.sort("session", descending=True).select(pl.col("close").cum_max())'),
    ("accumulated from the end", "np.maximum.accumulate(close_ST[:, ::-1], axis=1)[:, ::-1]"),
    ("accumulated from the end", "close_ST[:, ::-1].cumsum(axis=1)"),
    ("statistic over all sessions", 'pl.col("volume") / pl.col("volume").mean()'),
    ("statistic over all sessions", '(pl.col("volume") - 1).std()'),
    ("statistic over all sessions", 'pl.col("volume").rank() / pl.len()'),
    ("statistic over all sessions", "(x_ST - x_ST.mean(axis=1)) / 2"),
    ("statistic over all sessions", "np.nanquantile(x_ST, 0.99)"),
    ("statistic over all sessions", "np.nanmean(panel.x_TS, axis=0)"),
]
HONEST = [
    'pl.col("close").shift(1).over("security_id")',
    'pl.col("close").rolling_mean(11).over("security_id")',
    'pl.col("profit").forward_fill().over("security_id")',
    'pl.col("profit").fill_null(0.0)',
    'pl.col("volume").mean().over("session")',
    '(pl.col("volume") - pl.col("volume").mean()).over("session")',
    'frame.group_by("session").agg(pl.col("volume").mean())',
    'pl.col("words").list.mean()',
    'bars.join_asof(news, on="session", strategy="backward")',
    'bars.join_asof(news, on="session")',
    'frame.sort("session", descending=True).head(5)',
    "names[::-1]",
    "np.maximum.accumulate(close_ST, axis=1)",
    "np.nanmean(x_ST, axis=0)",
    "x_TS.mean(axis=1)",
    "x_ST[:, t - 20 : t].mean(axis=1)",
    "counts_N.mean()",
    "fit(panel, spec)",
]


def points(code: str) -> list[str]:
    return static_scan({"assets.features.x": code})["rule"].drop_nulls().to_list()


@pytest.mark.parametrize(("rule", "code"), LOOKS_AHEAD)
def test_code_that_looks_ahead_is_pointed_at(rule: str, code: str) -> None:
    assert rule in points(f"result = frame.with_columns(x={code})")


@pytest.mark.parametrize("code", HONEST)
def test_honest_code_is_not(code: str) -> None:
    assert points(f"result = frame.with_columns(x={code})") == []


def test_every_rule_has_a_planted_case() -> None:
    assert {rule for rule, _ in LOOKS_AHEAD} == set(RULES)


def test_a_statistic_that_is_read_in_a_group_under_a_name_is_honest() -> None:
    code = 'mean = pl.col("volume").mean()\nframe.group_by("session").agg(mean)'
    assert points(code) == []
    function = (
        'def mean() -> pl.Expr:\n    return pl.col("volume").mean()\n\nframe.with_columns(x=mean().over("session"))'
    )
    assert points(function) == []


def test_a_point_has_its_place_the_code_and_why() -> None:
    code = 'import polars as pl\n\nx = (\n    pl.col("close")\n    .shift(-1)\n)\n'
    row = static_scan({"assets.features.x": code}).row(0, named=True)
    assert row["module"] == "assets.features.x"
    assert (row["line"], row["rule"], row["passed"]) == (5, "negative shift", False)
    assert row["first_example"] == 'pl.col("close") .shift(-1)'
    assert row["why"] == "it moves later rows to earlier ones"


def test_a_point_that_a_comment_explains_is_listed_with_it_and_passes() -> None:
    row = static_scan({"m": 'x = pl.col("a").shift(-1)  # looks ahead: the end of a spell'}).row(0, named=True)
    assert (row["explanation"], row["passed"]) == ("the end of a spell", True)


def test_comments_and_texts_are_not_code() -> None:
    assert points('"""Never shift(-1) or center=True."""\n# x.interpolate()\n') == []


def test_a_module_without_points_is_named_as_read() -> None:
    found = static_scan({"b": "x = 1", "a": "y = 2"})
    assert found["module"].to_list() == ["a", "b"]
    assert found["line"].null_count() == 2
    assert found["passed"].all()
    assert static_scan({}).schema == STATIC_SCAN == pl.Schema(found.schema)
