"""Projection: the fitted transform that replaces the many columns of a group by a few components of them.

The components are those of partial least squares (SIMPLS, de Jong 1993): each is the sum of the columns that goes along
with the target the most, beside those before it. They are uncorrelated on the rows they were fitted on, have variance 1
there, and rise with the target; so nothing is left to chance, not even their sign.
"""
# N rows, C columns of a group, K components, F columns of a panel; the dots of [..., F] stand for any axes before

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import load_file, save_file

from models.windows import Cells

DOCUMENT = "projection.json"
WEIGHTS = "projection.safetensors"
ROWS_AT_ONCE = 65_536
LEAST_COVARIANCE = 1e-12
"""Of a column's share of the target, in standard deviations: below it only rounding is left."""

Floats = NDArray[np.float64]
Values = NDArray[np.float32]


class ProjectionSpec(BaseModel):
    """How many components stand for a group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    components: int = Field(default=4, ge=1, description="columns that the group is reduced to")


@dataclass(frozen=True)
class Part:
    """The components of one group: what is taken from each of its columns, and their weights."""

    group: str
    columns: tuple[str, ...]
    centre_C: Floats
    weights_CK: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the K components."""
        return tuple(_named(self.group, number) for number in range(self.weights_CK.shape[1]))

    def __call__(self, x_NC: Values) -> Values:
        """Components [N, K] of rows of the group; a NaN counts as the centre, a row of nothing else stays NaN."""
        z_NC = _centred(x_NC, self.centre_C)
        # einsum sums each row by itself; a matrix product may split rows differently in another batch.
        components = [np.einsum("nc,c->n", z_NC, weights_C) for weights_C in np.ascontiguousarray(self.weights_CK.T)]
        y_NK = np.stack(components, axis=1).astype(np.float32)
        y_NK[np.isnan(x_NC).all(axis=1)] = np.nan
        return y_NK


@dataclass(frozen=True)
class Projection:
    """From the F columns of a panel to those that no group took away, in order, and then the components."""

    columns: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """Columns that pass as they are."""
        taken = {name for part in self.parts for name in part.columns}
        return tuple(name for name in self.columns if name not in taken)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that come out."""
        return (*self.kept, *(name for part in self.parts for name in part.names))

    def __call__(self, x: Values) -> Values:
        """The columns that come out of x [..., F]; the same row gives the same bits in any company."""
        x_NF = x.reshape(-1, x.shape[-1])
        y_NF = np.empty((len(x_NF), len(self.names)), dtype=np.float32)
        places = {name: place for place, name in enumerate(self.columns)}
        for start in range(0, len(x_NF), ROWS_AT_ONCE):
            rows_NF = x_NF[start : start + ROWS_AT_ONCE]
            found = [rows_NF[:, [places[name] for name in self.kept]]]
            found += [part(rows_NF[:, [places[name] for name in part.columns]]) for part in self.parts]
            np.concatenate(found, axis=1, out=y_NF[start : start + ROWS_AT_ONCE])
        return y_NF.reshape(*x.shape[:-1], len(self.names))

    def save(self, folder: Path) -> None:
        """Write document and weights beside those of the model that reads what comes out."""
        document = _Document(columns=self.columns, groups={part.group: part.columns for part in self.parts})
        (folder / DOCUMENT).write_text(document.model_dump_json(indent=1), encoding="utf-8")
        arrays = {f"{part.group}.centre": part.centre_C for part in self.parts}
        arrays |= {f"{part.group}.weights": part.weights_CK for part in self.parts}
        save_file(arrays, folder / WEIGHTS)


class _Document(BaseModel):
    """The columns of a projection; their weights lie beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]


def load_projection(folder: Path) -> Projection | None:
    """The projection that was saved into a folder; None where there is none."""
    if not (folder / DOCUMENT).is_file():
        return None
    document = _Document.model_validate_json((folder / DOCUMENT).read_text(encoding="utf-8"))
    arrays = load_file(folder / WEIGHTS)
    parts = (
        Part(group, columns, arrays[f"{group}.centre"], arrays[f"{group}.weights"])
        for group, columns in document.groups.items()
    )
    return Projection(document.columns, tuple(parts))


def columns_behind(
    asked: Mapping[str, ProjectionSpec], columns: Sequence[str], groups: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and groups of the columns that come out of a projection before it is fitted; then there may be fewer."""
    kept = [(name, group) for name, group in zip(columns, groups, strict=True) if group not in asked]
    new = [(_named(group, number), group) for group, spec in asked.items() for number in range(spec.components)]
    names, owners = zip(*kept, *new, strict=True)
    return names, owners


def _named(group: str, number: int) -> str:
    return f"{group}_component_{number}"


def fit_projection(
    train: Cells, columns: Sequence[str], groups: Sequence[str], asked: Mapping[str, ProjectionSpec]
) -> Projection:
    """The projection of the groups that are asked for, from the training cells alone.

    columns, groups  names of the F columns of the panel, and of the group of each
    raises           ValueError for a group without columns, or with no more columns than components
    """
    parts = []
    for group, spec in asked.items():
        places = [place for place, owner in enumerate(groups) if owner == group]
        if spec.components >= len(places):
            raise ValueError(
                f"projection.{group}.components is {spec.components}, and the group has {len(places)} columns in the "
                f"panel, which has the groups {sorted(set(groups))}; ask for fewer components than columns"
            )
        centre_C, scale_C, gram, moment_C = _moments(train, places)
        weights_CK = _components(gram, moment_C, spec.components) / scale_C[:, None]
        parts.append(Part(group, tuple(columns[place] for place in places), centre_C, weights_CK))
    return Projection(tuple(columns), tuple(parts))


def _components(gram: Floats, moment_C: Floats, count: int) -> Floats:
    """Weights [C, count] of the scaled columns; zeros where nothing of the target is left to go along with."""
    weights_CK = np.zeros((len(moment_C), count))
    loadings: list[Floats] = []
    for number in range(count):
        if np.linalg.norm(moment_C) < LEAST_COVARIANCE:
            break
        weights_C = moment_C / np.sqrt(moment_C @ gram @ moment_C)
        loading_C = gram @ weights_C
        for earlier in loadings:
            loading_C = loading_C - earlier * (earlier @ loading_C)
        loadings.append(loading_C / np.linalg.norm(loading_C))
        moment_C = moment_C - loadings[-1] * (loadings[-1] @ moment_C)
        weights_CK[:, number] = weights_C
    return weights_CK


def _moments(train: Cells, places: Sequence[int]) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean and standard deviation of each column, and mean of z z' [C, C] and of z y [C] of the scaled columns."""
    total, count = np.zeros(len(places)), np.zeros(len(places))
    for x_NC, _ in _chunks(train, places):
        total += np.nansum(x_NC, axis=0, dtype=np.float64)
        count += np.isfinite(x_NC).sum(axis=0)
    centre_C = total / np.maximum(count, 1)
    gram, moment_C = np.zeros((len(places), len(places))), np.zeros(len(places))
    for x_NC, target_N in _chunks(train, places):
        z_NC = _centred(x_NC, centre_C)
        gram += z_NC.T @ z_NC / len(train)
        moment_C += target_N @ z_NC / len(train)
    scale_C = np.sqrt(np.diagonal(gram))
    scale_C = np.where(scale_C > 0, scale_C, 1.0)
    return centre_C, scale_C, gram / np.outer(scale_C, scale_C), moment_C / scale_C


def _chunks(train: Cells, places: Sequence[int]) -> Iterator[tuple[Values, Floats]]:
    for start in range(0, len(train), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        securities, sessions = train.securities_B[part, None], train.sessions_B[part, None]
        yield train.x_STF[securities, sessions, places], train.target_B[part].astype(np.float64)


def _centred(x_NC: Values, centre_C: Floats) -> Floats:
    z_NC: Floats = np.ascontiguousarray(x_NC, dtype=np.float64) - centre_C
    z_NC[np.isnan(z_NC)] = 0.0
    return z_NC
