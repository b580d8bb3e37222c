from datetime import date

import pytest

from assets.sources.akshare import AkshareSpec
from assets.sources.baostock import BaostockSpec
from assets.sources.files import FilesSpec
from assets.sources.market import FORMS, parse_market
from assets.sources.qlib_bin import QlibBinSpec
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.sources.tushare import TushareSpec


def written(folder, text, name="spec.yaml"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_embedded_market_needs_no_place(tmp_path):
    assert parse_market("synthetic_market") == SyntheticMarketSpec()
    path = written(tmp_path, "seed: 3")
    assert parse_market(f"synthetic_market:{path}") == SyntheticMarketSpec(seed=3)


def test_a_folder_of_files(tmp_path):
    assert parse_market(f"files:{tmp_path}") == FilesSpec(folder=tmp_path)


def test_a_folder_in_qlibs_layout_with_or_without_settings(tmp_path):
    with pytest.raises(ValueError, match=r"is no folder in Qlib's layout: there is no calendars/day.txt"):
        parse_market(f"qlib_bin:{tmp_path}")
    written(tmp_path / "calendars", "2020-01-02", "day.txt")
    assert parse_market(f"qlib_bin:{tmp_path}") == QlibBinSpec(folder=tmp_path)
    written(tmp_path, "units: {volume: lots}\nst: st", "qlib_bin.yaml")
    found = parse_market(f"qlib_bin:{tmp_path}")
    assert (found.st, found.units.volume, found.folder) == ("st", "lots", tmp_path)


@pytest.mark.parametrize(
    ("kind", "spec"), [("baostock", BaostockSpec), ("akshare", AkshareSpec), ("tushare", TushareSpec)]
)
def test_a_vendor_with_its_settings(tmp_path, kind, spec):
    path = written(tmp_path, "securities: [sz000001]\nfirst: 2015-01-01\nlast: 2020-12-31")
    found = parse_market(f"{kind}:{path}")
    assert found == spec(securities=("sz000001",), first=date(2015, 1, 1), last=date(2020, 12, 31))
    assert (found.kind, found.first_session(), found.last_session()) == (kind, date(2015, 1, 1), date(2020, 12, 31))


@pytest.mark.parametrize("text", ["", "qlib", "files:", "baostock", "tushare:", "synthetic:x"])
def test_an_unknown_form_is_refused_with_all_that_are_allowed(text):
    with pytest.raises(ValueError, match="is not known; allowed") as caught:
        parse_market(text)
    assert all(form in str(caught.value) for form in FORMS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("securities: [sz000001", "no valid settings of the source: while parsing"),
        ("- sz000001", "it must hold lines 'key: value', found list"),
        ("securities: [sz000001]", "first: Field required"),
        ("securities: [sz000001]\nfirst: 2015-01-01\nfrist: 1", "frist: Extra inputs are not permitted"),
        ("securities: [600000]\nfirst: 2015-01-01", "securities.0: Input should be a valid string"),
        ("first: 2015-01-01", "either `securities` or `index`"),
        ("securities: [sz000001]\nfirst: someday", "first: Input should be a valid date"),
        (
            "securities: [sz000001]\nfirst: 2015-01-01\nmanners: {calls_per_minute: 0}",
            "manners.calls_per_minute: Input",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_named_with_their_file(tmp_path, text, said):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=r"spec\.yaml") as caught:
        parse_market(f"baostock:{path}")
    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no file .*nowhere.yaml; write the settings"):
        parse_market(f"tushare:{tmp_path / 'nowhere.yaml'}")
