"""Membership: whether the names that are looked at were chosen by what was known, as evidence of the gate."""

from __future__ import annotations

import polars as pl

from expectations.cleaning_tables import Marks
from expectations.facts import RawIndexMembers, RawIndustries
from expectations.membership import MEMBERSHIP, listed_membership, universe_membership
from expectations.tables import Bars, Calendar, RawBars, RefusedBars, Universe
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph
from pipelines.inputs import whole

READ = {
    "raw": RawBars,
    "refused": RefusedBars,
    "bars": Bars,
    "universe": Universe,
    "marks": Marks,
    "calendar": Calendar,
    "members": RawIndexMembers,
    "industries": RawIndustries,
}


def add_membership(graph: Graph) -> None:
    """Add the evidence that nobody is a member, or none, for what became of him."""

    def compare(members: pl.LazyFrame, industries: pl.LazyFrame, **read: pl.LazyFrame) -> pl.DataFrame:
        """By rule, and by year of names that end later: how many were chosen by what was not known."""
        frames = {name: frame.collect() for name, frame in read.items()}
        of_universe = universe_membership(**frames)
        return pl.concat([of_universe, listed_membership(frames["raw"], members.collect(), industries.collect())])

    inputs = whole({name: table.asset_key for name, table in READ.items()})
    add_evidence(graph, "membership", MEMBERSHIP, compare, inputs, ["expectations.membership"])
