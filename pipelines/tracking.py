"""Tracking: walk-forwards, folds and seeds as MLflow runs, each found by its tags before it is created."""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from models.document import DOCUMENT
from models.served import Forecaster, load
from pipelines.home import send_nothing

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from pipelines.datasets import Dataset

send_nothing()
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

BATCH = 1000
TRIES = 3
PARAMS_AT_ONCE, LONGEST_PARAM = 100, 6000
"""What a store takes."""
MODEL_REQUIREMENTS = ("torch", "numpy", "safetensors", "pydantic", "lightgbm")


@dataclass(frozen=True)
class Tracking:
    """An MLflow store: its address, and where artifacts go when the store is a local file."""

    uri: str
    artifacts: Path

    @cached_property
    def client(self) -> MlflowClient:
        """The client of the store; a fresh SQLite file is set up on first use."""
        import mlflow

        if self.uri.startswith("sqlite:///"):
            Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(self.uri)
        return mlflow.MlflowClient(self.uri)

    def experiment_id(self, name: str) -> str:
        """The id of the MLflow experiment of that name, created when it is new."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = self.artifacts.resolve().as_uri() if self.uri.startswith("sqlite") else None
        return str(self.client.create_experiment(name, artifact_location=place))

    def open_run(self, experiment: str, name: str, identity: Mapping[str, str], tags: Mapping[str, str]) -> str:
        """The run with this identity, set to running again, or a new one; returns its id."""
        experiment_id = self.experiment_id(experiment)
        found = self.find(experiment, identity)
        if found:
            self.client.update_run(found[0], status="RUNNING")
            return found[0]
        run = self.client.create_run(experiment_id, run_name=name, tags={**environment_tags(), **tags, **identity})
        return str(run.info.run_id)

    def find(self, experiment: str, identity: Mapping[str, str], *, finished: bool = False) -> list[str]:
        """Ids of the runs that carry all these tags, oldest first; of those that are finished alone where asked."""
        told = [f"tags.`{key}` = '{value}'" for key, value in identity.items()]
        query = " and ".join([*told, *(["attributes.status = 'FINISHED'"] if finished else [])])
        runs = self.client.search_runs([self.experiment_id(experiment)], query, order_by=["start_time ASC"])
        return [str(run.info.run_id) for run in runs]

    @contextmanager
    def running(self, run_id: str) -> Iterator[str]:
        """A run that ends as finished, or as failed when the work inside raises."""
        try:
            yield run_id
        except BaseException:
            self.client.set_terminated(run_id, status="FAILED")
            raise
        self.client.set_terminated(run_id, status="FINISHED")

    def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """Settings of a run, each as text; those of before must be the same."""
        from mlflow.entities import Param

        told = [Param(key, str(value)[:LONGEST_PARAM]) for key, value in params.items()]
        for start in range(0, len(told), PARAMS_AT_ONCE):
            self.client.log_batch(run_id, params=told[start : start + PARAMS_AT_ONCE])

    def log_datasets(self, run_id: str, datasets: Sequence[Dataset], source: str, used_for: str) -> None:
        """Tables that a run was made of; `source` is the address of the warehouse, `used_for` says what for.

        A store looks for a dataset and then adds it: of two runs that tell it of the same one at once, one fails.
        Asked again, it finds what the other has added.
        """
        from mlflow.exceptions import MlflowException

        inputs = [dataset.as_input(source, used_for) for dataset in datasets]
        for _ in range(TRIES - 1):
            with suppress(MlflowException):
                self.client.log_inputs(run_id, inputs)
                return
        self.client.log_inputs(run_id, inputs)

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Tags of a run, in one step; those that it has are replaced."""
        from mlflow.entities import RunTag

        self.client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def log_curve(self, run_id: str, steps: Mapping[int, Mapping[str, float]]) -> None:
        """Metrics by step, written in batches; what was told before for a step is not told twice.

        A step is dated by its number after the start of the run, and not by the clock: a store keeps equal rows once.
        """
        from mlflow.entities import Metric

        began = int(self.client.get_run(run_id).info.start_time)
        metrics = [
            Metric(name, float(value), began + step, step)
            for step, values in steps.items()
            for name, value in values.items()
        ]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(run_id, metrics=metrics[start : start + BATCH])

    def log_figures(self, run_id: str, figures: Mapping[str, float]) -> None:
        """Figures of a whole run, dated now: of several words the newest counts."""
        import time

        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, 0) for name, value in figures.items()]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(run_id, metrics=metrics[start : start + BATCH])

    def log_model(self, run_id: str, folder: Path, script: Path, input_example: object) -> str:
        """A saved forecaster as a pyfunc model of the run, weights and the code to read them; returns its address.

        A run has one model: one of before, of a process that was killed perhaps, is taken away.
        script  the module that MLflow runs to load it; its package goes along, so that it loads anywhere
        """
        import mlflow
        from mlflow.models import infer_signature

        for before in self.models(run_id):
            self.client.delete_logged_model(before)
        with warnings.catch_warnings(), mlflow.start_run(run_id=run_id):
            # MLflow asks for type hints that it does not accept for arrays; the signature says it all.
            warnings.showwarning = lambda *_, **__: None
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(script),
                artifacts={"forecaster": str(folder)},
                code_paths=[str(script.parent)],
                signature=infer_signature(input_example),
                pip_requirements=list(MODEL_REQUIREMENTS),
            )
        return str(info.model_uri)

    def models(self, run_id: str) -> list[str]:
        """Ids of the models that were logged with a run."""
        experiment = self.client.get_run(run_id).info.experiment_id
        found = self.client.search_logged_models([experiment], filter_string=f"source_run_id = '{run_id}'")
        return [str(model.model_id) for model in found]

    def forecaster(self, run_id: str) -> Forecaster:
        """The forecaster that was logged with a run, read from its files alone: no code comes with it."""
        import tempfile

        import mlflow

        self.client  # noqa: B018  sets the store's address
        with tempfile.TemporaryDirectory() as folder:
            mlflow.artifacts.download_artifacts(f"runs:/{run_id}/model/artifacts", dst_path=folder)
            return load(next(Path(folder).rglob(DOCUMENT)).parent)

    def register(self, name: str, run_id: str, tags: Mapping[str, str]) -> tuple[str, bool]:
        """The version that a run's model has in the registry under a name, and whether it is new."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(name)
        except MlflowException as known:
            if known.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        for found in self.client.search_model_versions(f"name = '{name}'"):
            if found.run_id == run_id:
                return str(found.version), False
        made = self.client.create_model_version(name, f"runs:/{run_id}/model", run_id, tags=dict(tags))
        return str(made.version), True

    def point(self, name: str, alias: str, version: str) -> None:
        """Let an alias of a registered model point at one of its versions."""
        self.client.set_registered_model_alias(name, alias, version)

    def pointed_at(self, name: str, alias: str) -> ModelVersion | None:
        """The version that an alias of a registered model points at; None where there is none."""
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_model_version_by_alias(name, alias)
        except MlflowException as absent:
            if absent.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return None

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Pictures and pages of a report."""
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            self.client.log_artifacts(run_id, folder, "report")


def environment_tags() -> dict[str, str]:
    """The commit and the versions that a figure depends on."""
    from importlib.metadata import version

    root = Path(__file__).resolve().parents[1]
    git = ["git", "-C", str(root)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False).stdout
    return {
        "commit": commit or "none",
        "uncommitted": str(bool(changed)).lower(),
        **{f"version.{name}": version(name) for name in ("torch", "polars", "lightgbm", "numpy", "dagster")},
    }
