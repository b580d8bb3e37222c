import struct
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.cleaning.admission import judged
from assets.sources.holdout import Opening
from assets.sources.qlib_bin import QlibBinSpec
from assets.sources.vendors.arrival import ZONE
from expectations.tables import RawBars

DAYS = [date(2020, 1, day) for day in (2, 3, 6, 7, 8, 9)]
NAN = float("nan")
# Adjusted by 2, and by 4 from the fourth session on, where 10 shares became 20: 10.10 before is 5.05 after.
FIELDS = {
    "open": [20.0, 20.2, NAN, 20.4, 20.6],
    "high": [20.8, 20.8, NAN, 21.2, 21.2],
    "low": [19.8, 20.0, NAN, 20.0, 20.4],
    "close": [20.4, 20.2, NAN, 20.8, 21.0],
    "volume": [500.0, 1000.0, NAN, 2000.0, 250.0],
    "factor": [2.0, 2.0, NAN, 4.0, 4.0],
    "amount": [10150.0, 20400.0, NAN, 41000.0, 5225.0],
}


def write_lines(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_field(folder: Path, symbol: str, name: str, start: int, values: list[float]) -> Path:
    """The layout, byte by byte: place of the first session, then the values, all little-endian float32."""
    path = folder / "features" / symbol / f"{name}.day.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(struct.pack("<f", value) for value in [float(start), *values]))
    return path


def written(
    folder: Path, fields=FIELDS, symbol="sh600000", start=1, spells=("SH600000\t2020-01-03\t2020-01-09",)
) -> Path:
    write_lines(folder / "calendars" / "day.txt", [str(day) for day in DAYS])
    write_lines(folder / "instruments" / "all.txt", list(spells))
    for name, values in fields.items():
        write_field(folder, symbol, name, start, values)
    return folder


def bars(folder: Path, **changes) -> pl.DataFrame:
    return QlibBinSpec(folder=folder, **changes).read(RawBars, date.min, date.max)


def refusal(folder: Path, **changes) -> str:
    return QlibBinSpec(folder=folder, **changes).deliveries().row(0, named=True)["reason"]


def test_prices_and_volumes_come_as_they_were_traded(tmp_path):
    raw = bars(written(tmp_path))
    assert raw.schema == RawBars.create_empty().schema
    assert raw["session"].to_list() == DAYS[1:]
    assert raw["close"].to_list() == [10.2, 10.1, None, 5.2, 5.25]
    assert raw["volume"].to_list() == [1000, 2000, 0, 8000, 1000]
    assert raw["amount"].to_list() == [10150, 20400, 0, 41000, 5225]
    assert raw["adj_factor"].to_list() == [2, 2, None, 4, 4]
    row = raw.row(0, named=True)
    assert (row["security_id"], row["board"], row["listed_on"]) == ("sh600000", "main", date(2020, 1, 3))
    assert row["available_at"] == datetime(2020, 1, 3, 16, tzinfo=ZONE)
    assert row["delivery"] == "features/sh600000"


def test_the_reference_price_is_the_last_close_carried_over_by_the_factor(tmp_path):
    assert bars(written(tmp_path))["prev_close"].to_list() == [None, 10.2, None, 5.05, 5.2]


def test_a_session_without_a_close_is_suspended_and_cleaning_takes_every_row(tmp_path):
    raw = bars(written(tmp_path))
    assert raw["is_suspended"].to_list() == [False, False, True, False, False]
    assert judged(raw, raw["session"])["rule"].null_count() == raw.height


def test_without_amount_it_is_vwap_times_volume_in_which_the_factors_cancel(tmp_path):
    vwap = {"vwap": [20.3, 20.4, NAN, 20.5, 20.9]}
    fields = {name: values for name, values in FIELDS.items() if name != "amount"} | vwap
    assert bars(written(tmp_path, fields))["amount"].to_list() == pytest.approx(
        [10150, 20400, 0, 41000, 5225], rel=1e-6
    )


def test_without_amount_and_vwap_the_security_is_refused_unless_an_estimate_is_accepted(tmp_path):
    folder = written(tmp_path, {name: values for name, values in FIELDS.items() if name != "amount"})
    assert "has neither amount nor vwap" in refusal(folder)
    assert "estimate_amount: true" in refusal(folder)
    with pytest.raises(ValueError, match=r"none of 1 securities can be read:\nfeatures/sh600000: has neither amount"):
        bars(folder)
    estimated = bars(folder, estimate_amount=True)
    assert estimated["amount"][0] == pytest.approx((20 + 20.8 + 19.8 + 20.4) / 4 * 500, rel=1e-6)
    assert set(estimated["delivery"]) == {
        "features/sh600000, amount estimated from the mean of open, high, low and close"
    }


def test_units_are_declared_and_wrong_ones_refused(tmp_path):
    lots = FIELDS | {"volume": [value / 100 for value in FIELDS["volume"]]}
    lots["amount"] = [value / 1000 for value in FIELDS["amount"]]
    folder = written(tmp_path, lots)
    assert "amount / volume is 0.09952 times the close in the median" in refusal(folder)
    raw = bars(folder, units={"volume": "lots", "amount": "thousand_yuan"})
    assert raw["volume"].to_list() == [1000, 2000, 0, 8000, 1000]
    assert raw["amount"].to_list() == pytest.approx([10150, 20400, 0, 41000, 5225], rel=1e-6)


def test_only_sessions_inside_a_spell_are_rows(tmp_path):
    spells = ("SH600000\t2020-01-03\t2020-01-03", "SH600000\t2020-01-08\t2020-01-08")
    assert bars(written(tmp_path, spells=spells))["session"].to_list() == [date(2020, 1, 3), date(2020, 1, 8)]


def test_a_security_there_since_the_calendar_began_has_no_known_listing(tmp_path):
    raw = bars(written(tmp_path, start=0, spells=("SH600000\t2020-01-02\t2020-01-09",)))
    assert raw["listed_on"].null_count() == raw.height


def test_an_indexs_list_says_when_it_entered_and_the_list_of_all_when_it_was_listed(tmp_path):
    folder = written(tmp_path)
    write_lines(folder / "instruments" / "csi300.txt", ["SH600000\t2020-01-07\t2020-01-09"])
    raw = bars(folder, instruments="csi300")
    assert (raw["session"].min(), raw["listed_on"][0]) == (date(2020, 1, 7), date(2020, 1, 3))


def test_days_under_special_treatment_come_from_a_list_of_spells(tmp_path):
    folder = written(tmp_path)
    assert not bars(folder)["is_st"].any()
    write_lines(folder / "instruments" / "st.txt", ["SH600000\t2020-01-06\t2020-01-08"])
    assert bars(folder, st="st").filter("is_st")["session"].to_list() == DAYS[2:5]


def test_fields_that_begin_on_different_days_are_laid_on_one_axis(tmp_path):
    folder = written(tmp_path)
    write_field(folder, "sh600000", "amount", 2, FIELDS["amount"][1:])
    assert bars(folder)["amount"].to_list() == [None, 20400, 0, 41000, 5225]


def test_a_faulty_security_is_refused_whole_and_the_others_are_kept(tmp_path):
    spells = [f"SH{code}\t2020-01-03\t2020-01-09" for code in range(600000, 600005)]
    folder = written(tmp_path, spells=spells)
    for code in range(600001, 600005):
        written(tmp_path, symbol=f"sh{code}", spells=spells)
    (folder / "features" / "sh600001" / "factor.day.bin").unlink()
    close = folder / "features" / "sh600002" / "close.day.bin"
    close.write_bytes(close.read_bytes()[:-1])
    write_field(folder, "sh600003", "open", 3, FIELDS["open"])
    write_field(folder, "sh600004", "open", 1.5, FIELDS["open"])
    found = dict(QlibBinSpec(folder=folder).deliveries().select("delivery", "reason").iter_rows())
    assert found["features/sh600000"] is None
    assert "has no ['factor']; it has ['amount', 'close'" in found["features/sh600001"]
    assert "close.day.bin has 23 bytes" in found["features/sh600002"]
    assert "open.day.bin says that its 5 values begin at place 3.0 of 6 sessions" in found["features/sh600003"]
    assert "begin at place 1.5" in found["features/sh600004"]
    assert bars(folder)["security_id"].unique().to_list() == ["sh600000"]


@pytest.mark.parametrize(
    ("file", "lines", "said"),
    [
        ("calendars/day.txt", ["2020-01-02", "yesterday"], "must hold one date a line"),
        ("calendars/day.txt", ["2020-01-03", "2020-01-02"], "must hold each date once, in order"),
        ("calendars/day.txt", ["2020-01-02", "2020-01-02"], "must hold each date once, in order"),
        ("instruments/all.txt", ["SH600000\t2020-01-03\t2020-01-09", "SH600000"], "line 2 of .* is no spell"),
        ("instruments/all.txt", ["SH600000\t2020-01-09\t2020-01-03"], "line 1 of .* is no spell"),
    ],
)
def test_a_calendar_or_a_list_that_cannot_be_read_is_named(tmp_path, file, lines, said):
    write_lines(written(tmp_path) / file, lines)
    with pytest.raises(ValueError, match=said):
        bars(tmp_path)


def test_a_missing_list_is_named_with_those_that_are_there(tmp_path):
    with pytest.raises(ValueError, match=r"there is no .*csi500.txt; beside it are \['all'\]"):
        bars(written(tmp_path), instruments="csi500")


def test_the_span_is_the_calendars_or_the_declared_one(tmp_path):
    folder = written(tmp_path)
    spec = QlibBinSpec(folder=folder)
    assert (spec.first_session(), spec.last_session()) == (DAYS[0], DAYS[-1])
    spec = QlibBinSpec(folder=folder, first="2020-01-04", last="2020-01-07")
    assert (spec.first_session(), spec.last_session()) == (date(2020, 1, 6), date(2020, 1, 7))
    assert spec.read(RawBars, DAYS[0], DAYS[-1])["session"].to_list() == [date(2020, 1, 6), date(2020, 1, 7)]
    with pytest.raises(ValueError, match=r"no session .* lies in 2021-01-01"):
        QlibBinSpec(folder=folder, first="2021-01-01").first_session()


def test_a_digest_is_that_of_the_rows_of_a_month(tmp_path):
    folder = written(tmp_path)
    months = [date(2020, 1, 1), date(2020, 2, 1)]
    before = QlibBinSpec(folder=folder).digests(RawBars, months)
    write_field(folder, "sh600000", "close", 1, FIELDS["close"])
    assert QlibBinSpec(folder=folder).digests(RawBars, months) == before
    write_field(folder, "sh600000", "close", 1, [20.6, *FIELDS["close"][1:]])
    after = QlibBinSpec(folder=folder).digests(RawBars, months)
    assert (after[months[0]] == before[months[0]], after[months[1]] == before[months[1]]) == (False, True)


def test_a_time_without_quotes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="960 is no time of day"):
        QlibBinSpec(folder=tmp_path, available_at=960)
    assert bars(written(tmp_path), available_at=time(17))["available_at"][0].hour == 17


cents, tenths = st.integers(100, 2_000_000), st.integers(0, 200)


@st.composite
def traded_bars(draw):
    """Bars of one security: prices in cents inside low to high, whole shares, a factor that grows, halts."""
    rows = []
    factor = draw(st.floats(0.05, 50))
    for day in DAYS:
        low = draw(cents)
        inside = sorted(low + low * share // 1000 for share in draw(st.lists(tenths, min_size=3, max_size=3)))
        volume = draw(st.integers(100, 10_000_000))
        factor *= draw(st.sampled_from([1.0, 1.0, 1.03, 2.0]))
        prices = {"low": low / 100, "open": inside[0] / 100, "close": inside[1] / 100, "high": inside[2] / 100}
        vwap = prices["low"] + (prices["high"] - prices["low"]) * draw(st.floats(0.1, 0.9))
        halted = draw(st.booleans()) and bool(rows)
        rows.append(
            {
                "session": day,
                **prices,
                "volume": volume,
                "amount": vwap * volume,
                "factor": factor,
                "is_suspended": halted,
            }
        )
    return rows


@settings(max_examples=100, deadline=None)
@given(traded_bars())
def test_bars_written_in_qlibs_layout_come_back(tmp_path_factory, rows):
    """To the cent and, beyond the 24 bits of a float32, to 1e-6 of the volume."""
    folder = tmp_path_factory.mktemp("qlib")
    fields = {name: [] for name in FIELDS}
    for row in rows:
        put = dict.fromkeys(fields, NAN)
        if not row["is_suspended"]:
            prices = {name: row[name] * row["factor"] for name in ("open", "high", "low", "close")}
            put = {**prices, "volume": row["volume"] / row["factor"], "factor": row["factor"], "amount": row["amount"]}
        for name, value in put.items():
            fields[name].append(value)
    written(folder, fields, start=0, spells=("SH600000\t2020-01-02\t2020-01-09",))
    spec = QlibBinSpec(folder=folder)
    raw = spec.read(RawBars, date.min, date.max)
    expected = pl.DataFrame(rows)
    assert raw["is_suspended"].to_list() == expected["is_suspended"].to_list()
    traded = expected.filter(~pl.col("is_suspended"))
    back = raw.filter(~pl.col("is_suspended"))
    for name in ("open", "high", "low", "close"):
        assert back[name].to_list() == pytest.approx(traded[name].to_list(), abs=1e-9)
    for name in ("volume", "amount"):
        assert back[name].to_list() == pytest.approx(traded[name].to_list(), rel=1e-6)
    assert back["adj_factor"].to_list() == pytest.approx(traded["factor"].to_list(), rel=1e-6)


def test_a_sealed_range_is_not_read_before_it_is_opened_and_ordinary_then(tmp_path):
    folder = written(tmp_path)
    sealed = {"first": "2020-01-07", "last": DAYS[-1]}
    spec = QlibBinSpec(folder=folder, sealed=sealed)
    opening = Opening(
        source=folder.name, first="2020-01-07", last=DAYS[-1], reason="the final look", opened_at=datetime.now(UTC)
    )
    months = [date(2020, 1, 1)]
    closed = (
        spec.last_session(),
        spec.read(RawBars, DAYS[0], DAYS[-1])["session"].max(),
        spec.digests(RawBars, months),
    )
    assert closed[:2] == (date(2020, 1, 6), date(2020, 1, 6))
    opened, plain = spec.model_copy(update={"openings": (opening,)}), QlibBinSpec(folder=folder)
    assert opened.last_session() == DAYS[-1]
    assert opened.read(RawBars, DAYS[0], DAYS[-1]).equals(plain.read(RawBars, DAYS[0], DAYS[-1]))
    assert opened.digests(RawBars, months) == plain.digests(RawBars, months) != closed[2]
    elsewhere = spec.model_copy(update={"openings": (opening.model_copy(update={"source": "other"}),)})
    assert elsewhere.last_session() == date(2020, 1, 6)
