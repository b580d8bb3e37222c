"""Market: the one setting that chooses where bars come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from assets.sources import Source
from assets.sources.akshare import AkshareSpec
from assets.sources.baostock import BaostockSpec
from assets.sources.files import FilesSpec
from assets.sources.qlib_bin import QlibBinSpec
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.sources.tushare import TushareSpec

Spec = TypeVar("Spec", bound=BaseModel)
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


def parse_market(text: str) -> Source:
    """The source named by one of `FORMS`.

    A folder in Qlib's layout may hold its settings beside its data, as qlib_bin.yaml.
    raises  ValueError naming what was found and what is allowed
    """
    kind, _, place = text.partition(":")
    if kind == "synthetic_market":
        return _read(Path(place), SyntheticMarketSpec) if place else SyntheticMarketSpec()
    if kind == "files" and place:
        return FilesSpec(folder=Path(place).resolve())
    if kind == "qlib_bin" and place:
        return _qlib_bin(Path(place).resolve())
    if kind == "baostock" and place:
        return _read(Path(place), BaostockSpec)
    if kind == "akshare" and place:
        return _read(Path(place), AkshareSpec)
    if kind == "tushare" and place:
        return _read(Path(place), TushareSpec)
    raise ValueError(
        f"market '{text}' is not known; allowed: {', '.join(FORMS)}. "
        "Set MARKET=... on the make command, or KINDLING_MARKET in the environment."
    )


def _qlib_bin(folder: Path) -> QlibBinSpec:
    if not (folder / "calendars" / "day.txt").is_file():
        raise ValueError(f"{folder} is no folder in Qlib's layout: there is no calendars/day.txt in it")
    settings = folder / QLIB_SETTINGS
    return _read(settings, QlibBinSpec, folder=folder) if settings.is_file() else QlibBinSpec(folder=folder)


def _read(path: Path, spec: type[Spec], **given: Path) -> Spec:
    """A spec from a YAML file.

    raises  ValueError naming the file, with what is wrong in it
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path.resolve()}; write the settings of the source there (docs/sources.md)")
    try:
        settings: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML: {error}") from error
    if not isinstance(settings or {}, dict):
        raise ValueError(f"{path} must hold settings, one `name: value` a line, was {type(settings).__name__}")
    try:
        return spec.model_validate({**(settings or {}), **given})
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors()]
        allowed = ", ".join(spec.model_fields)
        raise ValueError("\n".join([f"{path} cannot be used:", *told, f"allowed settings: {allowed}"])) from error
