"""Identity: a source keeps its name wherever its files lie, and another embedded market is another source."""

from datetime import date
from pathlib import Path

from assets.sources.baostock import BaostockSpec
from assets.sources.files import FilesSpec
from assets.sources.identity import name_of, securities_of, settings_of
from assets.sources.qlib_bin import QlibBinSpec
from assets.sources.synthetic_market import SyntheticMarketSpec


def test_a_folder_that_was_moved_is_the_same_source():
    here, there = (FilesSpec(folder=Path(place) / "shares") for place in ("/a", "/b"))
    assert name_of(here) == name_of(there) == "shares"
    assert settings_of(here) == settings_of(there)
    assert name_of(FilesSpec(folder=Path("/a/others"))) == "others"


def test_what_else_is_set_of_a_folder_is_another_setting_of_the_same_source():
    every, some = (QlibBinSpec(folder=Path("/a/cn"), instruments=name) for name in ("all", "csi300"))
    assert name_of(every) == name_of(some)
    assert settings_of(every) != settings_of(some)


def test_a_vendor_is_one_source_whatever_is_asked_of_it_and_however_far():
    first, last = date(2012, 1, 4), date(2017, 1, 4)
    one = BaostockSpec(securities=("sh600000",), first=first)
    other = BaostockSpec(securities=("sh600001",), first=first)
    assert name_of(one) == name_of(other) == "baostock"
    assert securities_of(one) == ("sh600000",)
    assert securities_of(FilesSpec(folder=Path("/a"))) is None
    assert settings_of(one) == settings_of(one.model_copy(update={"last": last}))
    assert settings_of(one) != settings_of(other)


def test_each_embedded_market_is_its_own():
    one, same, other = (SyntheticMarketSpec(seed=seed) for seed in (1, 1, 2))
    assert name_of(one) == name_of(same) != name_of(other)
    assert securities_of(one) is None
