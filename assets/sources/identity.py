"""Identity: the name under which a source is known whatever lies where, and what of its settings decides its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from assets.sources import Source
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.sources.vendors.vendor import VendorSpec

PLACE_AND_SPAN = ("folder", "mapping", "first", "last", "sealed")
"""Where files lie and how far they are read: the same rows of a session in any place and any longer span."""


def name_of(source: Source) -> str:
    """Two sources of one name are about the same data: a folder by its own name, a vendor by its kind.

    An embedded market is drawn from its settings: each settings are a market of its own.
    """
    if isinstance(source, SyntheticMarketSpec):
        digest = hashlib.blake2b(source.model_dump_json().encode(), digest_size=6).hexdigest()
        return f"{source.kind} {digest}"
    folder = getattr(source, "folder", None)
    return str(folder.name) if folder is not None else source.kind


def settings_of(source: Source) -> Mapping[str, object]:
    """The settings of a source that decide what a session's rows are; moved or longer, it is the same source."""
    settings: dict[str, object] = json.loads(source.model_dump_json())
    return {key: value for key, value in settings.items() if key not in PLACE_AND_SPAN}


def securities_of(source: Source) -> tuple[str, ...] | None:
    """The securities that the settings name; None where they name none, and so all that there are."""
    return source.securities or None if isinstance(source, VendorSpec) else None
