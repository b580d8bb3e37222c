"""Datasets: what a partition is made of, told to the tracking store as inputs of its run, with a digest of content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from expectations.tables import Table
from pipelines.graph import Graph
from pipelines.lineage import Edge, Versions

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

USED_FOR = "mlflow.data.context"


@dataclass(frozen=True)
class Dataset:
    """The partitions of one table that were read.

    name        key of the asset
    digest      over the content of these partitions
    partitions  their keys in order; none where the table has no partitions
    """

    name: str
    digest: str
    schema: type[Table]
    partitions: tuple[str, ...]

    def as_input(self, source: str, used_for: str) -> DatasetInput:
        """The same for MLflow; `source` is the address of the warehouse."""
        from mlflow.entities import Dataset as MlflowDataset
        from mlflow.entities import DatasetInput, InputTag

        columns = [{"name": name, "type": _type(column.dtype)} for name, column in self.schema.columns().items()]
        told = {"partitions": len(self.partitions), "first": self.partitions[:1], "last": self.partitions[-1:]}
        dataset = MlflowDataset(
            name=self.name,
            digest=self.digest,
            source_type="parquet",
            source=json.dumps({"uri": f"{source}/{self.name}"}),
            schema=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps(told),
        )
        return DatasetInput(dataset, [InputTag(USED_FOR, used_for)])


def datasets_of(graph: Graph, versions: Versions, key: str, partition: str | None) -> list[Dataset]:
    """Every table whose content a partition is made of, with what of it is read."""
    return [
        found
        for edge in graph.lineage.nodes[key].edges
        if edge.counts and (found := _read(graph, versions, edge, partition))
    ]


def _read(graph: Graph, versions: Versions, edge: Edge, partition: str | None) -> Dataset | None:
    stamps = versions.stamps(edge.upstream)
    known = graph.lineage.nodes[edge.upstream].partitions
    read = [part for part in edge.reach.upstream(partition, known) if part in stamps]
    if not read:
        return None
    content = "|".join(f"{part} {stamps[part].content}" for part in read)
    digest = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
    partitions = tuple(part for part in read if part is not None)
    return Dataset(edge.upstream, digest, graph.schemas[edge.upstream], partitions)


def _type(dtype: pl.DataType | type[pl.DataType]) -> str:
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_temporal():
        return "datetime"
    if dtype.is_integer():
        return "long"
    return "double" if dtype.is_float() else "string"
