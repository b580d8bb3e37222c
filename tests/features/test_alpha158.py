import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.features.alpha158 import FACTORS, LOOK_BACK, WINDOWS, Alpha158, alpha158
from assets.table import Declaration, declarations
from pipelines.declared import STAGES, in_order, modules_of
from pipelines.replay import another_future

NAMES = [factor.name for factor in FACTORS]
OF_A_BAR = {
    "KMID": "($close-$open)/$open",
    "KLEN": "($high-$low)/$open",
    "KMID2": "($close-$open)/($high-$low+1e-12)",
    "KUP": "($high-Greater($open, $close))/$open",
    "KUP2": "($high-Greater($open, $close))/($high-$low+1e-12)",
    "KLOW": "(Less($open, $close)-$low)/$open",
    "KLOW2": "(Less($open, $close)-$low)/($high-$low+1e-12)",
    "KSFT": "(2*$close-$high-$low)/$open",
    "KSFT2": "(2*$close-$high-$low)/($high-$low+1e-12)",
    "OPEN0": "$open/$close",
    "HIGH0": "$high/$close",
    "LOW0": "$low/$close",
    "VWAP0": "$vwap/$close",
}
OF_A_WINDOW = {
    "ROC": "Ref($close, D)/$close",
    "MA": "Mean($close, D)/$close",
    "STD": "Std($close, D)/$close",
    "BETA": "Slope($close, D)/$close",
    "RSQR": "Rsquare($close, D)",
    "RESI": "Resi($close, D)/$close",
    "MAX": "Max($high, D)/$close",
    "MIN": "Min($low, D)/$close",
    "QTLU": "Quantile($close, D, 0.8)/$close",
    "QTLD": "Quantile($close, D, 0.2)/$close",
    "RANK": "Rank($close, D)",
    "RSV": "($close-Min($low, D))/(Max($high, D)-Min($low, D)+1e-12)",
    "IMAX": "IdxMax($high, D)/D",
    "IMIN": "IdxMin($low, D)/D",
    "IMXD": "(IdxMax($high, D)-IdxMin($low, D))/D",
    "CORR": "Corr($close, Log($volume+1), D)",
    "CORD": "Corr($close/Ref($close, 1), Log($volume/Ref($volume, 1)+1), D)",
    "CNTP": "Mean($close>Ref($close, 1), D)",
    "CNTN": "Mean($close<Ref($close, 1), D)",
    "CNTD": "Mean($close>Ref($close, 1), D)-Mean($close<Ref($close, 1), D)",
    "SUMP": "Sum(Greater($close-Ref($close, 1), 0), D)/(Sum(Abs($close-Ref($close, 1)), D)+1e-12)",
    "SUMN": "Sum(Greater(Ref($close, 1)-$close, 0), D)/(Sum(Abs($close-Ref($close, 1)), D)+1e-12)",
    "SUMD": "(Sum(Greater($close-Ref($close, 1), 0), D)-Sum(Greater(Ref($close, 1)-$close, 0), D))"
    "/(Sum(Abs($close-Ref($close, 1)), D)+1e-12)",
    "VMA": "Mean($volume, D)/($volume+1e-12)",
    "VSTD": "Std($volume, D)/($volume+1e-12)",
    "WVMA": "Std(Abs($close/Ref($close, 1)-1)*$volume, D)/(Mean(Abs($close/Ref($close, 1)-1)*$volume, D)+1e-12)",
    "VSUMP": "Sum(Greater($volume-Ref($volume, 1), 0), D)/(Sum(Abs($volume-Ref($volume, 1)), D)+1e-12)",
    "VSUMN": "Sum(Greater(Ref($volume, 1)-$volume, 0), D)/(Sum(Abs($volume-Ref($volume, 1)), D)+1e-12)",
    "VSUMD": "(Sum(Greater($volume-Ref($volume, 1), 0), D)-Sum(Greater(Ref($volume, 1)-$volume, 0), D))"
    "/(Sum(Abs($volume-Ref($volume, 1)), D)+1e-12)",
}
QLIB = OF_A_BAR | {f"{name}{d}": text.replace("D)", f"{d})").replace("D,", f"{d},").replace("/D", f"/{d}")
                   for name, text in OF_A_WINDOW.items() for d in WINDOWS}  # fmt: skip


@pytest.fixture(scope="module")
def cleaned(market):
    sessions = calendar(market.lazy()).collect()
    return bars(market.lazy(), sessions.lazy()).collect(), sessions


@pytest.fixture(scope="module")
def whole(cleaned):
    return computed(*cleaned)


def computed(rows: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    return Alpha158.validate(alpha158(rows.lazy(), sessions.lazy()).collect())


def of(table: pl.DataFrame, security: str) -> pl.DataFrame:
    return table.filter(pl.col("security_id") == security)


def test_the_list_is_qlibs_by_name_and_formula():
    assert {str(factor.known_as).rpartition(" ")[2]: str(factor.expression) for factor in FACTORS} == QLIB
    assert len(QLIB) == 158


def test_every_column_says_what_it_is_and_names_its_window():
    for name, column in Alpha158.columns().items():
        if name in NAMES:
            notes = column.metadata
            assert set(notes) == {"definition", "unit", "source"}, name
            formula = QLIB[notes["source"].rpartition(" ")[2]]
            assert notes["definition"].endswith(f": {formula}")
            window = name.rpartition("_")[2].removesuffix("d")
            assert window == "0" or f" {window} " in notes["definition"], name
            assert column.dtype == pl.Float32
    assert set(Alpha158.column_names()) == {"session", "security_id", *NAMES}


def test_there_is_one_row_for_each_traded_bar(cleaned, whole):
    traded = cleaned[0].filter(~pl.col("is_suspended"))
    assert whole.select("session", "security_id").equals(traded.select("session", "security_id"))


def test_figures_after_a_split_are_what_their_formulas_say(cleaned, whole):
    """The split name, written out with plain slices 10 sessions after the split."""
    rows, t, d = of(cleaned[0], "sh600002"), 140, 20
    close, high, low = ((rows[name] * rows["adj_factor"]).to_numpy() for name in ("close", "high", "low"))
    volume = (rows["volume"] / rows["adj_factor"]).to_numpy()
    part, before = slice(t - d + 1, t + 1), slice(t - d, t)
    change, more = close[part] - close[before], volume[part] - volume[before]
    moved = np.abs(close[part] / close[before] - 1) * volume[part]
    line = np.polyfit(np.arange(d), close[part], 1)
    bar = rows.row(t, named=True)
    expected = {
        "kmid_0d": (bar["close"] - bar["open"]) / bar["open"],
        "klow2_0d": (min(bar["open"], bar["close"]) - bar["low"]) / (bar["high"] - bar["low"]),
        "vwap_0d": bar["vwap"] / bar["close"],
        "roc_20d": close[t - d] / close[t],
        "ma_20d": close[part].mean() / close[t],
        "std_20d": close[part].std(ddof=1) / close[t],
        "beta_20d": line[0] / close[t],
        "rsqr_20d": np.corrcoef(np.arange(d), close[part])[0, 1] ** 2,
        "resi_20d": (close[t] - np.polyval(line, d - 1)) / close[t],
        "max_20d": high[part].max() / close[t],
        "min_20d": low[part].min() / close[t],
        "qtlu_20d": np.quantile(close[part], 0.8) / close[t],
        "qtld_20d": np.quantile(close[part], 0.2) / close[t],
        "rank_20d": ((close[part] < close[t]).sum() + ((close[part] == close[t]).sum() + 1) / 2) / d,
        "rsv_20d": (close[t] - low[part].min()) / (high[part].max() - low[part].min()),
        "imax_20d": (high[part].argmax() + 1) / d,
        "imin_20d": (low[part].argmin() + 1) / d,
        "imxd_20d": (high[part].argmax() - low[part].argmin()) / d,
        "corr_20d": np.corrcoef(close[part], np.log(volume[part]))[0, 1],
        "cord_20d": np.corrcoef(close[part] / close[before], np.log(volume[part] / volume[before] + 1))[0, 1],
        "cntp_20d": (change > 0).mean(),
        "cntn_20d": (change < 0).mean(),
        "cntd_20d": (change > 0).mean() - (change < 0).mean(),
        "sump_20d": change.clip(0).sum() / np.abs(change).sum(),
        "sumn_20d": -change.clip(None, 0).sum() / np.abs(change).sum(),
        "sumd_20d": change.sum() / np.abs(change).sum(),
        "vma_20d": volume[part].mean() / volume[t],
        "vstd_20d": volume[part].std(ddof=1) / volume[t],
        "wvma_20d": moved.std(ddof=1) / moved.mean(),
        "vsump_20d": more.clip(0).sum() / np.abs(more).sum(),
        "vsumn_20d": -more.clip(None, 0).sum() / np.abs(more).sum(),
        "vsumd_20d": more.sum() / np.abs(more).sum(),
    }
    assert {name.rpartition("_")[0] for name in NAMES if name.endswith("_20d")} <= {
        n.rpartition("_")[0] for n in expected
    }
    found = of(whole, "sh600002").row(t, named=True)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=2e-6, abs=2e-6), name


def test_windows_count_sessions_not_rows(cleaned, whole):
    """After 12 suspended sessions a window of 5 holds one value, one of 20 the 7 before them as well."""
    rows, resumed = of(cleaned[0], "sz000003"), of(whole, "sz000003").row(150, named=True)
    close = rows["close"].to_numpy()
    assert (resumed["ma_5d"], resumed["rank_5d"]) == (1.0, 1.0)
    assert (resumed["std_5d"], resumed["sump_5d"], resumed["roc_5d"], resumed["cord_10d"]) == (None,) * 4
    held = np.append(close[143:150], close[162])
    assert resumed["ma_20d"] == pytest.approx(held.mean() / close[162], rel=1e-6)
    assert resumed["cntp_20d"] == pytest.approx((np.diff(close[142:150]) > 0).sum() / 20, rel=1e-6)
    assert resumed["imax_20d"] == pytest.approx(8 / 20, rel=1e-6)


def test_a_young_security_has_shorter_windows(whole):
    first, second = (of(whole, "sh600001").row(at, named=True) for at in (0, 1))
    assert (first["ma_60d"], first["rank_60d"], first["imax_60d"]) == (1.0, 1.0, pytest.approx(1 / 60))
    assert (first["cntp_60d"], first["std_5d"], first["beta_5d"], first["roc_5d"], first["corr_5d"]) == (
        0,
        *(None,) * 4,
    )
    assert second["cntp_60d"] + second["cntn_60d"] == 0.5
    assert math.isclose(second["rsqr_60d"], 1, rel_tol=1e-6)
    assert abs(second["corr_60d"]) == pytest.approx(1)


@pytest.mark.parametrize("keeps_silent_rows", [True, False])
def test_a_month_with_the_declared_look_back_equals_the_whole_to_the_bit(cleaned, keeps_silent_rows):
    """Also where a session without trade has no row at all, and one name is silent for 20 sessions on end."""
    rows, sessions = cleaned
    if not keeps_silent_rows:
        silent = pl.col("session").is_between(sessions["session"][100], sessions["session"][119])
        rows = rows.filter(~pl.col("is_suspended") & ~(silent & (pl.col("security_id") == "sh600001")))
    whole = computed(rows, sessions)
    assert alpha158.table.look_back == {"bars": LOOK_BACK, "calendar": LOOK_BACK}
    for month in range(1, 13):
        wanted = sessions["session"].filter(sessions["session"].dt.month() == month)
        start = max(sessions["session"].search_sorted(wanted[0]) - LOOK_BACK, 0)
        inside = pl.col("session").is_between(sessions["session"][start], wanted[-1])
        part = computed(rows.filter(inside), sessions.filter(inside)).filter(pl.col("session") >= wanted[0])
        expected = whole.filter(pl.col("session").is_between(wanted[0], wanted[-1]))
        assert_frame_equal(part, expected, check_exact=True)


def test_one_session_less_of_look_back_would_be_seen(cleaned):
    """A name that is silent for 20 sessions before a window of 60 is one of that window from its start."""
    rows, sessions = cleaned
    at = sessions["session"]
    silent = pl.col("session").is_between(at[101], at[120])
    rows = rows.filter(~(silent & (pl.col("security_id") == "sh600001")))
    whole = computed(rows, sessions).filter(pl.col("session") >= at[100 + LOOK_BACK])
    for short in (0, 1):
        inside = pl.col("session") >= at[100 + short]
        part = computed(rows.filter(inside), sessions.filter(inside)).filter(pl.col("session") >= at[100 + LOOK_BACK])
        assert part.equals(whole) == (short == 0)


def test_the_level_of_the_adjustment_does_not_matter(cleaned, whole):
    rows, sessions = cleaned
    scaled = rows.with_columns(adj_factor=pl.col("adj_factor") * 37.3)
    assert_frame_equal(computed(scaled, sessions), whole, rel_tol=0, abs_tol=2e-6)


def test_later_rows_change_nothing(cleaned, whole):
    rows, sessions = cleaned
    early = pl.col("session") <= date(2014, 7, 31)
    assert_frame_equal(computed(rows.filter(early), sessions.filter(early)), whole.filter(early), check_exact=True)


def what_it_needs() -> dict[str, Declaration]:
    """The table and all that it reads, of the tables that the project declares."""
    every = in_order(declarations(*modules_of(STAGES)))
    needed = {Alpha158.asset_key}
    for key in reversed(list(every)):
        if key in needed:
            needed |= {schema.asset_key for schema in every[key].inputs.values()}
    return {key: declaration for key, declaration in every.items() if key in needed}


def test_nothing_knows_another_future_and_every_column_follows_it(market):
    tables = what_it_needs()
    evidence = another_future(tables, {"raw/bars": market}, 4)
    ours = evidence.filter(pl.col("table") == Alpha158.asset_key)
    assert set(NAMES) < set(ours["column"])
    assert ours["passed"].all()
    assert ours.filter(pl.col("alive").not_())["column"].unique().to_list() == []


def test_values_are_finite_or_null_where_nothing_moves(cleaned):
    still = cleaned[0].with_columns(
        **{name: pl.when(~pl.col("is_suspended")).then(10.0) for name in ("open", "high", "low", "close", "vwap")},
        volume=pl.when(~pl.col("is_suspended")).then(1e6),
        adj_factor=pl.lit(1.0),
    )
    found = computed(still, cleaned[1])
    assert found.select(pl.col(NAMES).is_finite().all()).row(0) == (True,) * len(NAMES)
    last = found.row(-1, named=True)
    assert (last["ma_20d"], last["std_20d"], last["sump_20d"], last["kmid2_0d"]) == (1, 0, 0, 0)
    assert last["rank_20d"] == pytest.approx(0.525)
    assert (last["rsqr_20d"], last["corr_20d"], last["cord_20d"]) == (None, None, None)


def test_few_sessions_and_no_bars_are_no_error(cleaned):
    short = cleaned[1].head(7)
    few = cleaned[0].filter(pl.col("session").is_in(short["session"].implode()))
    assert computed(few, short).height == few.filter(~pl.col("is_suspended")).height
    assert computed(cleaned[0].clear(), cleaned[1].clear()).is_empty()
    assert computed(cleaned[0].clear(), cleaned[1]).is_empty()
