from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from assets.sources.mapping import COLUMNS, MAPPINGS, Flag, Mapping, load_mapping

MINIMAL = {"files": "*.csv", "format": "csv", "columns": {name: name for name in COLUMNS}, "board": {"main": ["sh60"]}}


def test_every_mapping_kept_here_is_valid():
    kept = sorted(MAPPINGS.glob("*.yaml"))
    assert [place.stem for place in kept] == ["ashare_2012_2018"]
    for place in kept:
        load_mapping(Path("nowhere"), place)


def test_a_mapping_in_the_folder_comes_before_the_one_kept_here(tmp_path):
    folder = tmp_path / "ashare_2012_2018"
    folder.mkdir()
    assert load_mapping(folder, None).files == "daily.parquet"
    (folder / "mapping.yaml").write_text(yaml.safe_dump(MINIMAL))
    assert load_mapping(folder, None).files == "*.csv"


def test_a_folder_without_a_mapping_is_an_error_that_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"mapping.yaml.*of their own are \['ashare_2012_2018'\]"):
        load_mapping(tmp_path, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colums": {}}, "colums"),
        ({"columns": {"close": "c", "clse": "c"}}, r"unknown names \['clse'\], missing names \['adj_factor'"),
        ({"units": {"volume": "hands"}}, "units.volume"),
        ({"board": {"nasdaq": ["x"]}}, "board.nasdaq"),
        ({"is_st": {"column": "name"}}, "either `contains` or `equals`"),
        ({"is_unreformed": {"column": "name", "matches": "^S", "contains": "S"}}, "either `contains` or `equals`"),
        ({"is_unreformed": {"column": "name", "matches": "S["}}, "is_unreformed.matches: it is no regular expression"),
        ({"available_at": 960}, 'put it in quotes: "16:00"'),
    ],
)
def test_what_is_not_understood_is_refused_by_name_and_file(tmp_path, changes, said):
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MINIMAL | changes))
    with pytest.raises(ValueError, match=rf"mapping.yaml is no valid mapping: [\s\S]*{said}"):
        load_mapping(tmp_path, None)


def test_codes_are_written_in_our_way():
    codes = pl.DataFrame({"a": ["sh600000"], "b": ["sz.000001"], "c": ["300001.SZ"]})
    for style, column, expected in (
        ("sh600000", "a", "sh600000"),
        ("sh.600000", "b", "sz000001"),
        ("600000.SH", "c", "sz300001"),
    ):
        mapping = Mapping(**MINIMAL, code_format=style)
        assert codes.select(mapping.security_id(column)).item() == expected


def test_dates_are_read_from_any_type():
    day = date(2015, 6, 1)
    mapping = Mapping(**MINIMAL)
    kinds = [pl.Series([day]), pl.Series([day]).cast(pl.Datetime), pl.Series(["2015-06-01 "]), pl.Series([20150601])]
    for values in kinds:
        frame = pl.DataFrame({"date": values})
        assert frame.select(mapping.day("date", values.dtype)).item() == day


def test_a_flag_reads_text_or_a_value():
    frame = pl.DataFrame({"name": ["*ST x", "y", None], "state": [0, 1, None]})
    assert frame.select(Flag(column="name", contains="*ST").expression()).to_series().to_list() == [True, False, None]
    assert frame.select(Flag(column="state", equals=0).expression()).to_series().to_list() == [True, False, None]


def test_the_mark_of_a_share_reform_not_done_is_told_from_special_treatment():
    names = pl.DataFrame(
        {"name": ["S前锋", "XDS佳通", "NS上石", "ST新都", "S*ST生化", "SST华新", "万科A", "TCL集团", None]}
    )
    mapping = load_mapping(Path("nowhere"), MAPPINGS / "ashare_2012_2018.yaml")
    found = names.select(mapping.is_unreformed.expression()).to_series().to_list()
    assert found == [True, True, True, False, True, True, False, False, None]


def test_a_number_in_a_flag_is_compared_as_one_and_other_text_is_unknown():
    frame = pl.DataFrame(
        {"state": ["0", "1.0", " 0 ", "true", "?", "NaN", None], "float": [0.0, 1.0, None] * 2 + [2.0]}
    )
    expected = [False, True, False, True, None, None, None]
    for equals in (1, True):
        assert frame.select(Flag(column="state", equals=equals).expression()).to_series().to_list() == expected
    of_floats = [False, True, None] * 2 + [False]
    assert frame.select(Flag(column="float", equals=1).expression()).to_series().to_list() == of_floats


def test_a_code_of_another_form_stays_as_it_is_and_has_no_board():
    codes = pl.DataFrame({"security_id": ["SH600000", " sh600000", "sh6000001", "600000.SH", "sh.600000", "sh600000x"]})
    mapping = Mapping(**MINIMAL)
    ours = codes.select(security_id=mapping.security_id("security_id"), session=date(2015, 6, 1))
    assert ours["security_id"].to_list()[:3] == ["sh600000", "sh600000", "sh6000001"]
    with_board = ours.with_columns(source_objection=pl.lit(None, pl.String)).with_columns(**mapping.by_security())
    assert with_board["board"].to_list() == ["main", "main", None, None, None, None]


def test_an_instant_lies_on_the_date_of_shanghai():
    frame = pl.DataFrame({"date": pl.Series(["2015-05-31T16:00"]).str.to_datetime(time_zone="UTC")})
    assert frame.select(Mapping(**MINIMAL).day("date", frame.schema["date"])).item() == date(2015, 6, 1)
