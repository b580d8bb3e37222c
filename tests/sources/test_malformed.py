"""What comes of bad input: a table of broken deliveries and mappings, each through the whole way of a row."""

import gzip
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from delivery_folder import BROKEN, MAPPING, NAMES, WHOLE, Lines, arrival, csv, in_our_words, lines_of, sound_rows

from assets.sources.files import FilesSpec

NOBODY = 65534
MEANT_FOR = {"names.txt": "securities", "halts.txt": "suspended"}
ROWS = len(sound_rows(BROKEN))
FUTURE = str(date.today() + timedelta(days=400))
Breakage = Callable[[Lines], Lines | bytes]


@dataclass(frozen=True)
class Bad:
    """A broken delivery and what must come of it.

    breaks   from the sound lines of broken.csv, header first, to the broken ones, or to the bytes of the file
    rules    rows refused one by one, by rule
    says     part of the reason of a refused row, or of the file
    lost     sound rows of broken.csv that do not arrive; the others do, and all of good.csv
    refused  whether broken.csv is refused as a whole
    """

    name: str
    breaks: Breakage
    rules: dict[str, int] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    lost: int = 0
    refused: bool = False
    mapping: dict[str, object] = field(default_factory=dict)


def cells(row: int, **values: str) -> Breakage:
    """Other values in one row; row 0 is the first one below the header."""

    def broken(lines: Lines) -> Lines:
        for name, value in values.items():
            lines[row + 1][NAMES.index(name)] = value
        return lines

    return broken


def column(name: str, change: Callable[[str], str]) -> Breakage:
    """Another value in every row of a column."""
    place = NAMES.index(name)
    return lambda lines: [lines[0], *([*row[:place], change(row[place]), *row[place + 1 :]] for row in lines[1:])]


def more(*rows: list[str]) -> Breakage:
    """More rows at the end."""
    return lambda lines: [*lines, *rows]


def row_like(row: int, **values: str) -> Breakage:
    """A copy of a row with other values, at the end."""
    return lambda lines: [*lines, cells(0, **values)([lines[0], list(lines[row + 1])])[1]]


def renamed(name: str, other: str) -> Breakage:
    """Another name in the header."""
    return lambda lines: [[other if held == name else held for held in lines[0]], *lines[1:]]


def encoded(encoding: str, header: str = "code") -> Breakage:
    """The file in another encoding."""
    return lambda lines: csv(renamed("code", header)(lines)).decode().encode(encoding)


def scaled(name: str, by: float) -> Breakage:
    """A column in another unit."""
    return column(name, lambda cell: str(float(cell) * by))


def halved_until(lines: Lines) -> Lines:
    """Prices adjusted forward for a later split, volume and amount as traded."""
    for name in ("o", "h", "l", "c", "pre"):
        lines = scaled(name, 0.5)(lines)
    return lines


def without_last(lines: Lines) -> Lines:
    return [line[:-1] for line in lines]


REFUSED_ROWS = [
    Bad(
        "a trailing line of totals", more(["合计", "", "", "", "", "", "", "99", "99", ""]), {"missing_key": 1}, ("''",)
    ),
    Bad("blank lines at the end", more([""], [""]), {"missing_key": 2}),
    Bad("a row without a code", cells(0, code=""), {"missing_key": 1}, ("security_id missing",), 1),
    Bad("a row without a date", cells(0, date=""), {"missing_key": 1}, ("column 'date' holds ''",), 1),
    Bad("one date in another form", cells(0, date="2015/06/01"), {"missing_key": 1}, ("'2015/06/01'",), 1),
    Bad("a day that no calendar has", cells(0, date="2015-02-30"), {"missing_key": 1}, ("'2015-02-30'",), 1),
    Bad("a date after now", cells(0, date=FUTURE), {"missing_key": 1}, (FUTURE, "a date from 1990-12-19 to "), 1),
    Bad("a date before the exchanges", cells(0, date="1970-01-01"), {"missing_key": 1}, ("'1970-01-01'",), 1),
    Bad("the year zero", cells(0, date="0000-01-01"), {"missing_key": 1}, ("'0000-01-01'",), 1),
    Bad("a date cut short", cells(0, date="2015061"), {"missing_key": 1}, ("'2015061'",), 1),
    Bad("a holiday row", row_like(0, date="2015-06-06"), {"not_a_session": 1}, ("2015-06-06 is no session",)),
    Bad("the same row twice", row_like(0), {"duplicate": 1}, ("the same row was delivered before",)),
    Bad("two rows that disagree", row_like(0, c="10.1"), {"contradiction": 2}, ("close 10.1",), 1),
    Bad("a wrong copy of a sound row", row_like(0, c="--"), {"missing_price": 1}),
    Bad("a price that is no number", cells(0, c="n/a"), {"missing_price": 1}, ("close missing or no number",), 1),
    Bad("NaN", cells(0, h="NaN"), {"missing_price": 1}, ("high missing or no number",), 1),
    Bad("infinity", cells(0, l="-inf"), {"missing_price": 1}, ("low missing or no number",), 1),
    Bad("infinite amounts", scaled("amt", float("inf")), {"no_volume": ROWS}, ("amount missing or no number",), ROWS),
    Bad("no previous close", cells(0, pre=""), {"missing_price": 1}, ("prev_close missing or no number",), 1),
    Bad("a negative price", cells(0, l="-9.8"), {"non_positive_price": 1}, ("low -9.8",), 1),
    Bad("a price of zero", cells(0, o="0"), {"non_positive_price": 1}, ("open 0.0", "must be above 0"), 1),
    Bad("a price without measure", cells(0, pre="1e20"), {"impossible_price": 1}, ("prev_close 1e+20",), 1),
    Bad("a high below the low", cells(0, h="9.0"), {"high_below_low": 1}, ("high 9.0 is below low 9.8",), 1),
    Bad("an open outside the range", cells(0, o="11"), {"outside_range": 1}, ("open 11.0",), 1),
    Bad("trades without volume", cells(0, vol="0"), {"no_volume": 1}, ("volume 0.0",), 1),
    Bad("a negative volume", cells(0, vol="-1000", amt="-10000"), {"no_volume": 1}, ("volume -1000.0",), 1),
    Bad("volume in hands in one row", cells(0, vol="10"), {"vwap_outside_range": 1}, ("amount 10000.0",), 1),
    Bad("one amount in thousands", cells(0, amt="10"), {"vwap_outside_range": 1}, ("volume 1000.0",), 1),
    Bad("an adjusted price in one row", cells(0, o="5", h="5.1", l="4.9", c="5"), {"vwap_outside_range": 1}, (), 1),
    Bad("a factor of zero", cells(0, factor="0"), {"bad_adj_factor": 1}, ("adj_factor is 0.0",), 1),
    Bad("a negative factor", cells(0, factor="-1.5"), {"bad_adj_factor": 1}, ("adj_factor is -1.5",), 1),
    Bad("a factor without measure", cells(0, factor="1e300"), {"bad_adj_factor": 1}, ("at most 1000000",), 1),
    Bad(
        "a separator of thousands", cells(0, vol="1,000"), {"source_objection": 1}, ("more fields than the header",), 1
    ),
    Bad("the same in quotes", cells(0, vol='"1,000"'), {"no_volume": 1}, ("volume missing or no number",), 1),
    Bad("a comma for the point", cells(0, c="10,0"), {"source_objection": 1}, ("first beyond it is '1.5'",), 1),
    Bad("a line cut short", lambda lines: [*lines[:-1], lines[-1][:4]], {"missing_price": 1}, (), 1),
    Bad("a code without its zeros", cells(6, code="1"), {"unknown_board": 1}, ("board of 1 is missing",), 1),
    Bad("a code with another suffix", cells(0, code="600000.XSHG"), {"unknown_board": 1}, ("600000.XSHG",), 1),
    Bad("a code of another board", cells(0, code="bj430001"), {"unknown_board": 1}, ("bj430001",), 1),
    Bad("a code with a digit more", cells(0, code="sh6000000"), {"unknown_board": 1}, ("sh6000000",), 1),
    Bad("a zero byte in a code", cells(0, code="sh600\0000"), {"unknown_board": 1}, (), 1),
    Bad("a cell of a million letters", cells(0, code="x" * 1_000_000), {"unknown_board": 1}, (), 1),
    Bad("a line of a million fields", more([","] * 500_000), {"missing_key": 1}),
    Bad("trailing commas, out of order", lambda lines: [lines[0], *([*row, ""] for row in reversed(lines[1:]))]),
    Bad("spaces around every cell", lambda lines: [lines[0], *([f" {cell} " for cell in row] for row in lines[1:])]),
    Bad("lines that end as in Windows", lambda lines: csv(lines).replace(b"\n", b"\r\n")),
    Bad("a mark of the byte order", lambda lines: b"\xef\xbb\xbf" + csv(lines)),
    Bad("everything in quotes", lambda lines: csv([[f'"{cell}"' for cell in line] for line in lines])),
    Bad("a packed file", lambda lines: gzip.compress(csv(lines))),
    # Nothing in one row tells that its factor jumped; the rules of adjustment look at the rows before it.
    Bad("a factor that jumps", cells(3, factor="15")),
    Bad(
        "suspended with volume",
        lambda lines: [[*lines[0], "state"], *([*row, "0" if row is lines[1] else "1"] for row in lines[1:])],
        {"suspended_with_volume": 1},
        ("suspended, but volume 1000.0",),
        1,
        mapping={"is_suspended": {"column": "state", "equals": 0}, "files": "broken.csv"},
    ),
    Bad(
        "a state that is no number",
        lambda lines: [[*lines[0], "state"], *([*row, "?" if row is lines[1] else "1.0"] for row in lines[1:])],
        {"missing_flag": 1},
        ("is_suspended is missing",),
        1,
        mapping={"is_suspended": {"column": "state", "equals": 0}, "files": "broken.csv"},
    ),
]

REFUSED_FILES = [
    Bad("no byte", lambda lines: b"", says=("is empty: 0 bytes",)),
    Bad("a header and no row", lambda lines: lines[:1], says=("has a header and no rows",)),
    Bad("GBK", encoded("gbk", "代码"), says=("not UTF-8. Save it as UTF-8",)),
    Bad("UTF-16", encoded("utf-16"), says=("it is UTF-16. Save it as UTF-8",)),
    Bad("a byte that is no text", lambda lines: csv(lines).replace(b"sz0", b"\xff\xfe0", 1), says=("not UTF-8",)),
    Bad("a missing column", without_last, says=("has no column 'factor' (our adj_factor)", "it has ['code', 'date'")),
    Bad("a renamed column", renamed("c", "收盘"), says=("has no column 'c' (our close)", "'收盘'")),
    Bad("a column twice", renamed("o", "c"), says=("has no column 'o' (our open)",)),
    Bad(
        "a column twice, all there", lambda lines: [[*line, line[5]] for line in lines], says=("more than one", "['c']")
    ),
    Bad("semicolons", lambda lines: csv(lines, ";"), says=("it has ['code;date;o;h;l;c;pre;vol;amt;factor']",)),
    Bad("lines that end as in 1990", lambda lines: csv(lines).replace(b"\n", b"\r"), says=("has no column 'factor'",)),
    Bad("a header of 5,000 columns", lambda lines: [["x" * 9] * 5000, *lines[1:]], says=("and 4980 more",)),
    Bad("an open quotation mark", cells(3, code='"sh600000'), says=("quotation mark is not closed",)),
    Bad("one that closes lines later", lambda lines: cells(3, c='"1')(cells(5, c='1"')(lines)), says=("16 rows",)),
    Bad("all in hands", scaled("vol", 0.01), says=("volume is probably in lots of 100 shares", "Correct `units`")),
    Bad("all in thousands of yuan", scaled("amt", 0.001), says=("amount is probably in thousands of yuan",)),
    Bad("prices adjusted forward", halved_until, says=("prices may be adjusted ones, where they must be as traded",)),
    Bad(
        "dates in another form", column("date", lambda cell: cell.replace("-", ".")), says=("18 of 18", "'2015.06.01'")
    ),
    Bad("dates as serial numbers", column("date", lambda cell: "42156"), says=("'42156'. Correct `date_format`",)),
    Bad("no date in any row", column("date", lambda cell: ""), says=("has no row with a date",)),
    Bad("commas for points", column("c", lambda cell: f'"{cell.replace(".", ",")}"'), says=("(our close)", "'10,0'")),
    Bad("separators of thousands", column("amt", lambda cell: f'"{float(cell):,}"'), says=("'10,000.0'",)),
]


@pytest.mark.parametrize("bad", REFUSED_ROWS, ids=lambda bad: bad.name)
def test_rows_that_cannot_be_true_are_refused_and_the_others_arrive(tmp_path, bad):
    write(tmp_path, bad)
    came = arrival(tmp_path, bad.mapping)
    assert came.files == {}
    assert came.rules() == bad.rules
    reasons = " | ".join(came.refused["reason"])
    assert [part for part in bad.says if part not in reasons] == []
    assert arrived(came.kept, BROKEN) == ROWS - bad.lost
    if "files" not in bad.mapping:
        assert arrived(came.kept, WHOLE) == len(sound_rows(WHOLE))


@pytest.mark.parametrize("bad", REFUSED_FILES, ids=lambda bad: bad.name)
def test_a_file_that_cannot_be_believed_is_refused_whole_and_the_other_arrives(tmp_path, bad):
    write(tmp_path, bad)
    came = arrival(tmp_path, bad.mapping)
    assert list(came.files) == ["broken.csv"]
    assert [part for part in bad.says if part not in came.files["broken.csv"]] == [], came.files
    assert came.rules() == {}
    assert arrived(came.kept, WHOLE) == came.kept.height == len(sound_rows(WHOLE))


def write(folder: Path, bad: Bad) -> None:
    (folder / "good.csv").write_bytes(csv(lines_of(WHOLE)))
    broken = bad.breaks(lines_of(BROKEN))
    (folder / "broken.csv").write_bytes(broken if isinstance(broken, bytes) else csv(broken))


def arrived(kept: pl.DataFrame, securities: tuple[str, ...]) -> int:
    """How many sound rows of the securities were kept as they were delivered; none may be kept otherwise."""
    sound = sound_rows(securities).select(session="date", security_id="code", close="c", volume="vol")
    found = kept.filter(pl.col("security_id").is_in(securities)).select(sound.columns)
    assert found.join(sound, on=sound.columns, how="anti").is_empty()
    return found.height


def parquet(frame: pl.DataFrame) -> Callable[[Path], None]:
    return lambda path: frame.write_parquet(path, compression="uncompressed")


def torn(at: float) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        parquet(sound_rows(BROKEN))(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * at)])

    return write


def overwritten(path: Path) -> None:
    """A file with another's bytes where its last column begins; its footer still says what should be there."""
    frame = sound_rows(BROKEN).with_columns(factor=pl.Series([1.5 + n for n in range(ROWS)]))
    frame.write_parquet(path, compression="uncompressed", statistics=False, use_pyarrow=False)
    whole = path.read_bytes()
    place = whole.rindex(b"\x00\x00\x00\x00\x00\x00\xf8\x3f")
    path.write_bytes(whole[: place - 40] + b"\xff" * 40 + whole[place:])


SOUND = sound_rows(BROKEN)
SHANGHAI = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Shanghai")

ETERNITY = pl.lit(2**63 - 1).cast(pl.Datetime("us"))
AGES = pl.lit(2**31 - 1, dtype=pl.Int32).cast(pl.Date)

FILES_OF_PARQUET = [
    ("half a file", torn(0.5), "cannot be read as parquet"),
    ("a file without its end", torn(0.98), "cannot be read as parquet"),
    ("a column with other bytes", overwritten, "cannot be read as parquet"),
    ("a CSV file by this name", lambda path: path.write_bytes(csv(lines_of(BROKEN))), "cannot be read as parquet"),
    ("no byte", lambda path: path.write_bytes(b""), "is empty: 0 bytes"),
    ("no row", parquet(SOUND.head(0)), "no rows"),
    ("a folder by this name", lambda path: path.mkdir(), "is a folder, not a file"),
    ("a link to nothing", lambda path: path.symlink_to("nowhere"), "No such file"),
    ("lists for prices", parquet(SOUND.with_columns(pl.concat_list("o"))), "cannot be read as parquet"),
    ("dates as serial numbers", parquet(SOUND.with_columns(date=pl.lit(42156))), "does not hold a date"),
    ("dates as numbers with a point", parquet(SOUND.with_columns(date=pl.lit(20150601.0))), "does not hold a date"),
    ("a missing column", parquet(SOUND.drop("amt")), "has no column 'amt' (our amount)"),
    ("empty columns", parquet(SOUND.with_columns(date=pl.lit(None))), "has no row with a date"),
    ("infinite prices", parquet(SOUND.with_columns(pl.col("c") * float("inf"))), "does not hold a number"),
    ("dates that no calendar has", parquet(SOUND.with_columns(date=AGES)), "'2147483647'"),
    ("instants that no calendar has", parquet(SOUND.with_columns(date=ETERNITY)), "out-of-range datetime"),
    ("another unit", parquet(SOUND.with_columns(pl.col("vol") / 100)), "lots of 100 shares"),
]
ROWS_OF_PARQUET = [
    ("text for numbers", parquet(SOUND.with_columns(pl.col("o", "vol").cast(pl.String)))),
    ("decimals", parquet(SOUND.with_columns(pl.col("o", "c").cast(pl.Decimal(20, 4))))),
    ("dates as whole numbers", parquet(SOUND.with_columns(pl.col("date").dt.strftime("%Y%m%d").cast(pl.Int64)))),
    ("dates as instants", parquet(SOUND.with_columns(date=SHANGHAI.dt.convert_time_zone("UTC")))),
    ("categories", parquet(SOUND.with_columns(pl.col("code").cast(pl.Categorical)))),
    ("another order", parquet(SOUND.reverse().select(sorted(NAMES)))),
]


@pytest.mark.parametrize(
    ("write", "said"), [case[1:] for case in FILES_OF_PARQUET], ids=[c[0] for c in FILES_OF_PARQUET]
)
def test_a_parquet_file_that_cannot_be_believed_is_refused_whole(tmp_path, write, said):
    sound_rows(WHOLE).write_parquet(tmp_path / "good.parquet")
    write(tmp_path / "broken.parquet")
    came = arrival(tmp_path, {"files": "*.parquet", "format": "parquet"})
    assert list(came.files) == ["broken.parquet"]
    assert said in came.files["broken.parquet"]
    assert arrived(came.kept, WHOLE) == came.kept.height == len(sound_rows(WHOLE))


@pytest.mark.parametrize("write", [case[1] for case in ROWS_OF_PARQUET], ids=[case[0] for case in ROWS_OF_PARQUET])
def test_what_is_only_written_otherwise_arrives(tmp_path, write):
    write(tmp_path / "broken.parquet")
    came = arrival(tmp_path, {"files": "*.parquet", "format": "parquet"})
    assert (came.files, came.rules(), arrived(came.kept, BROKEN)) == ({}, {}, ROWS)


def test_a_date_that_no_calendar_has_refuses_its_row_only(tmp_path):
    SOUND.with_columns(date=pl.when(pl.int_range(ROWS) == 3).then(AGES).otherwise("date")).write_parquet(
        tmp_path / "broken.parquet"
    )
    came = arrival(tmp_path, {"files": "*.parquet", "format": "parquet"})
    assert (came.files, came.rules(), arrived(came.kept, BROKEN)) == ({}, {"missing_key": 1}, ROWS - 1)
    assert "column 'date' holds '2147483647', where it must hold a date from 1990-12-19" in came.refused["reason"][0]


def test_the_same_rows_in_two_files_count_once_and_those_that_disagree_not_at_all(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(csv(lines_of(BROKEN)))
    (tmp_path / "c.csv").write_bytes(csv(cells(0, c="10.1")(lines_of(BROKEN))[:2]))
    came = arrival(tmp_path, {})
    assert came.rules() == {"duplicate": ROWS - 1, "contradiction": 3}
    assert arrived(came.kept, BROKEN) == ROWS - 1


def test_rows_after_the_declared_last_date_are_not_read(tmp_path):
    (tmp_path / "good.csv").write_bytes(csv(lines_of(BROKEN)))
    assert arrival(tmp_path, {"last": date(2015, 6, 5)}).kept["session"].max() == date(2015, 6, 5)
    with in_our_words() as said:
        arrival(tmp_path, {"first": date(2016, 1, 1)})
    assert "no row of ['good.csv'] lies in the span that the mapping declares, from 2016-01-01 to None" in said[0]


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """As a user without rights: root may read everything, so root becomes another for a moment."""
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_file_that_this_user_may_not_read_is_refused():
    with tempfile.TemporaryDirectory() as place, as_nobody(Path(place)):
        write(Path(place), Bad("", lambda lines: lines))
        (Path(place) / "broken.csv").chmod(0)
        came = arrival(Path(place), {})
    assert "may not be read by this user: [Errno 13] Permission denied" in came.files["broken.csv"]
    assert came.kept.height == len(sound_rows(WHOLE))


LISTINGS = {"file": "names.txt", "security_id": "code", "listed_on": "listed"}
HALTS = {"file": "halts.txt", "security_id": "code", "session": "day", "is_st": {"column": "st", "equals": 1}}
COMPANIONS = [
    ("absent", LISTINGS, None, "the mapping names 'names.txt', which is not in"),
    ("no byte", LISTINGS, b"", "names.txt is empty: 0 bytes"),
    ("a renamed column", LISTINGS, b"code,day\nsh600000,2015-01-05\n", "names.txt has no column ['listed']"),
    ("GBK", LISTINGS, "code,listed,名\nsh600000,2015-01-05,名\n".encode("gbk"), "names.txt cannot be read as csv"),
    ("two listings", LISTINGS, b"code,listed\nsh600000,2015-01-05\nsh600000,2015-01-06\n", "more than one date"),
    ("listings in another form", LISTINGS, b"code,listed\nsh600000,05.01.2015\n", "'05.01.2015'"),
    ("halts in another form", HALTS, b"code,day,st\nsh600000,05.06.2015,0\n", "'05.06.2015'"),
    ("halts without a flag", HALTS, b"code,day\nsh600000,2015-06-09\n", "halts.txt has no column ['st']"),
]


@pytest.mark.parametrize(("named", "content", "said"), [c[1:] for c in COMPANIONS], ids=[c[0] for c in COMPANIONS])
def test_a_companion_file_that_cannot_be_used_stops_the_source_before_any_run(tmp_path, named, content, said):
    write(tmp_path, Bad("", lambda lines: lines))
    if content is not None:
        (tmp_path / named["file"]).write_bytes(content)
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | {MEANT_FOR[named["file"]]: named}))
    with in_our_words() as words:
        FilesSpec(folder=tmp_path).first_session()
    assert words
    assert said in words[0]


def test_a_listing_after_the_first_row_refuses_the_rows_before_it(tmp_path):
    write(tmp_path, Bad("", lambda lines: lines))
    (tmp_path / "names.txt").write_text("code,listed\nsh600000,2015-06-03\nsh600001,\n")
    came = arrival(tmp_path, {"securities": LISTINGS})
    assert came.rules() == {"before_listing": 2}
    assert "2015-06-01 lies before the listing of sh600000 on 2015-06-03" in came.refused["reason"][0]
    assert came.kept.height == ROWS + len(sound_rows(WHOLE)) - 2


def test_a_suspended_day_without_a_date_is_refused_and_one_with_trades_contradicts_them(tmp_path):
    write(tmp_path, Bad("", lambda lines: lines))
    (tmp_path / "halts.txt").write_text(
        "code,day,st\nsh600000,2015-06-01,0\nsh600001,2015-06-02,0\nsz000001,2015-06-03,0\nsh600000,?,1\n"
    )
    came = arrival(tmp_path, {"suspended": HALTS})
    assert came.rules() == {"contradiction": 6, "missing_key": 1}
    assert "column 'day' holds '?'" in " ".join(came.refused["reason"])


MAPPINGS = [
    ("unknown keys", {"colums": {}, "unit": 1}, ["colums: Extra inputs are not permitted", "unit: ", "known keys are"]),
    ("a wrong type", {"columns": ["code", "date"]}, ["columns: Input should be a valid dictionary"]),
    (
        "a number for a prefix",
        {"board": {"main": [600]}},
        ["board.main.0: Input should be a valid string, found '600'"],
    ),
    ("an unknown board", {"board": {"nasdaq": ["sh60"]}}, ["board.nasdaq", "'main', 'chinext', 'star' or 'bse'"]),
    ("one code on two boards", {"board": {"main": ["sh6"], "star": ["sh68"]}}, ["'sh68' would be on two boards"]),
    ("a prefix in capitals", {"board": {"main": ["SH60"]}}, ["['SH60'] cannot begin a security_id"]),
    ("no prefix", {"board": {}}, ["board: it names no prefix"]),
    ("a column used twice", {"columns": MAPPING["columns"] | {"open": "c"}}, ["{'open': 'c', 'close': 'c'}"]),
    ("a missing name", {"columns": {"open": "o"}}, ["missing names ['adj_factor', 'amount', 'close'"]),
    (
        "an unknown unit",
        {"units": {"volume": "hands"}},
        ["units.volume: Input should be 'shares' or 'lots', found 'hands'"],
    ),
    ("a date format without a day", {"date_format": "%Y-%m"}, ["date_format: it does not say year, month and day"]),
    ("a date format that is none", {"date_format": "%H"}, ["date_format: it does not say year, month and day"]),
    ("files outside", {"files": "../*.csv"}, ["files: it must be a pattern inside the folder"]),
    ("files by an absolute path", {"files": "/*.csv"}, ["files: it must be a pattern inside the folder"]),
    ("no files", {"files": ""}, ["files: it must be a pattern inside the folder"]),
    ("files that are not there", {"files": "*.txt"}, ["no file in", "fits '*.txt'"]),
    ("the other format", {"format": "parquet"}, ["every file was refused", "broken.csv: is called '.csv', while"]),
    ("a time before the close", {"available_at": "09:30"}, ["available_at: it must be a time of day in Shanghai"]),
    ("a time with a zone", {"available_at": "16:00+08:00"}, ["available_at: it must be a time of day in Shanghai"]),
    ("a span that ends first", {"first": "2016-01-01", "last": "2015-01-01"}, ["first is 2016-01-01, after last"]),
    ("no date for a date", {"first": "2015-13-01"}, ["first: Input should be a valid date", "found '2015-13-01'"]),
    (
        "a flag with two tests",
        {"is_st": {"column": "c", "equals": 1, "contains": "ST"}},
        ["either `contains` or `equals`"],
    ),
    ("a flag that is always set", {"is_st": {"column": "c", "contains": ""}}, ["every row would have it"]),
    ("a refusal of no code", {"refuse": {"600000": "why"}}, ["refuse: ['600000'] is no security_id"]),
]
TEXTS = [
    ("no YAML", b"columns: {", "while parsing a flow"),
    ("tabs", b"columns:\n\tclose: c\n", "found character '\\t'"),
    ("a list", b"- files\n", "it must hold lines 'key: value', found list"),
    ("nothing", b"", "it must hold lines 'key: value', found NoneType"),
    ("a key twice", b"files: a\nformat: csv\nfiles: b\n", "the key ['files'] is written twice"),
    ("GBK", "files: 日线.csv\n".encode("gbk"), "it is not UTF-8"),
    ("brackets without end", b"[" * 100_000, "is no valid mapping"),
    ("a command", b"files: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
]


@pytest.mark.parametrize(("changes", "said"), [case[1:] for case in MAPPINGS], ids=[case[0] for case in MAPPINGS])
def test_a_mapping_that_cannot_be_is_refused_with_what_is_allowed(tmp_path, changes, said):
    write(tmp_path, Bad("", lambda lines: lines))
    with in_our_words() as words:
        arrival(tmp_path, changes)
    assert words
    assert [part for part in said if part not in words[0]] == [], words[0]


@pytest.mark.parametrize(("text", "said"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_a_mapping_that_cannot_be_read_is_refused_by_its_name(tmp_path, text, said):
    write(tmp_path, Bad("", lambda lines: lines))
    (tmp_path / "mapping.yaml").write_bytes(text)
    with in_our_words() as words:
        arrival(tmp_path)
    assert words
    assert f"{tmp_path / 'mapping.yaml'} is no valid mapping" in words[0]
    assert said in words[0]


def test_a_folder_that_cannot_be_used_is_an_error_of_one_sentence(tmp_path):
    for folder, said in ((tmp_path / "nowhere", "there is no folder"), (tmp_path, "no mapping for the files in")):
        with in_our_words() as words:
            arrival(folder)
        assert words
        assert said in words[0]
    (tmp_path / "mapping.yaml").mkdir()
    with in_our_words() as words:
        arrival(tmp_path)
    assert "no mapping for the files in" in words[0]
