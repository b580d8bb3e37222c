"""Market: the one setting that chooses where bars come from."""

from __future__ import annotations

from pathlib import Path

from assets.sources import Source
from assets.sources.akshare import AkshareSpec
from assets.sources.baostock import BaostockSpec
from assets.sources.files import FilesSpec
from assets.sources.qlib_bin import QlibBinSpec
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.sources.tushare import TushareSpec
from assets.sources.yaml_settings import read_yaml

FORMS = (
    "synthetic_market",
    "synthetic_market:SPEC.yaml",
    "files:FOLDER",
    "qlib_bin:FOLDER",
    "baostock:SPEC.yaml",
    "akshare:SPEC.yaml",
    "tushare:SPEC.yaml",
)
QLIB_SETTINGS = "qlib_bin.yaml"
SETTINGS = "settings of the source"


def parse_market(text: str) -> Source:
    """The source named by one of `FORMS`.

    A folder in Qlib's layout may hold its settings beside its data, as qlib_bin.yaml.
    raises  ValueError naming what was found and what is allowed
    """
    kind, _, place = text.partition(":")
    if kind == "synthetic_market":
        return read_yaml(Path(place), SyntheticMarketSpec, SETTINGS) if place else SyntheticMarketSpec()
    if kind == "files" and place:
        return FilesSpec(folder=Path(place).resolve())
    if kind == "qlib_bin" and place:
        return _qlib_bin(Path(place).resolve())
    if kind == "baostock" and place:
        return read_yaml(Path(place), BaostockSpec, SETTINGS)
    if kind == "akshare" and place:
        return read_yaml(Path(place), AkshareSpec, SETTINGS)
    if kind == "tushare" and place:
        return read_yaml(Path(place), TushareSpec, SETTINGS)
    raise ValueError(
        f"market '{text}' is not known; allowed: {', '.join(FORMS)}. "
        "Set MARKET=... on the make command, or KINDLING_MARKET in the environment."
    )


def _qlib_bin(folder: Path) -> QlibBinSpec:
    if not (folder / "calendars" / "day.txt").is_file():
        raise ValueError(f"{folder} is no folder in Qlib's layout: there is no calendars/day.txt in it")
    settings = folder / QLIB_SETTINGS
    if not settings.is_file():
        return QlibBinSpec(folder=folder)
    return read_yaml(settings, QlibBinSpec, SETTINGS, given={"folder": folder})
