"""Index universe: securities of a vendor, listed one by one or as all that were ever members of an index."""

from __future__ import annotations

from abc import abstractmethod
from datetime import date
from typing import Self

import polars as pl
from pydantic import Field, model_validator

from assets.sources.vendors.line import Line
from assets.sources.vendors.vendor import VendorSpec


class IndexUniverseSpec(VendorSpec):
    """A vendor that tells who was a member of an index when: `index` may stand in the place of `securities`."""

    index: str | None = Field(None, description="in the place of `securities`")

    @model_validator(mode="after")
    def _one_universe(self) -> Self:
        if bool(self.securities) == bool(self.index):
            raise ValueError("give either `securities` or `index`, and not both")
        return self

    @abstractmethod
    def _snapshots(self, line: Line, last: date) -> pl.LazyFrame:
        """Members of the index on the days for which the vendor has them, with `security_id`."""

    def _universe(self, line: Line, last: date) -> list[str]:
        """The securities; of an index all that were members on any of those days, whatever became of them."""
        if not self.index:
            return list(self.securities)
        members = self._snapshots(line, last).select("security_id").unique().collect()
        return sorted(members["security_id"].to_list())
