"""MLflow: a run for each training job, a registered model for each app, aliases for what is served.

An experiment and a registered model bear the app's name. Everything is found again by a tag, so a job
that is done twice leaves one run and one version. Works on SQLite and a folder as on a server.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from schemas.settings import Settings

Alias = Literal["champion", "former", "challenger", "canary"]
_JOB_TAG = "driftloop.job_id"
_VERSION_TAG = "version"
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING", "GIT_PYTHON_REFRESH": "quiet"}


@dataclass(frozen=True, slots=True)
class Measurement:
    """A figure of a run at a training step."""

    name: str
    value: float
    step: int = 0


class ModelRegistry:
    """Runs and registered versions. For one thread at a time."""

    def __init__(self, client: Any, runs: str | None) -> None:
        self._client = client
        self._runs = runs

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Connect to the tracking store; an SQLite one is created on first use (3 s, then 2 s of imports).

        A store in a file keeps the files of its runs under `<data>/runs`; a server decides for itself.
        """
        os.environ.update(_QUIET)
        uri = settings.mlflow_uri
        if uri.startswith("sqlite:///"):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # Its own use of SQLAlchemy is deprecated; nothing a user of it can mend.
            warnings.simplefilter("ignore")
            # Read on import: telemetry must be off before.
            from mlflow import MlflowClient

            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_experiments(max_results=1)
        return cls(client, None if uri.startswith("http") else str(settings.data / "runs"))

    def start_run(self, app: str, job_id: str, parameters: Mapping[str, object]) -> str:
        """Return the id of the job's run, begun now or earlier."""
        experiment = self._experiment(app)
        found = self._client.search_runs([experiment], filter_string=f"tags.`{_JOB_TAG}` = '{job_id}'", max_results=1)
        if found:
            return str(found[0].info.run_id)
        run = self._client.create_run(experiment, tags={_JOB_TAG: job_id})
        for name, value in parameters.items():
            self._client.log_param(run.info.run_id, name, str(value)[:500])
        return str(run.info.run_id)

    def log_measurements(self, run_id: str, measurements: Sequence[Measurement], *, unix_ms: int) -> None:
        """Add figures to a run; the same figure at the same step and time is kept once."""
        from mlflow.entities import Metric

        metrics = [Metric(m.name, m.value, unix_ms, m.step) for m in measurements]
        for start in range(0, len(metrics), 500):
            self._client.log_batch(run_id, metrics=metrics[start : start + 500])

    def log_file(self, run_id: str, file: Path) -> None:
        """Keep a copy of a file with the run."""
        self._client.log_artifact(run_id, str(file))

    def finish_run(self, run_id: str, *, succeeded: bool) -> None:
        """Close a run."""
        self._client.set_terminated(run_id, "FINISHED" if succeeded else "FAILED")

    def register(self, app: str, version: str, *, uri: str, run_id: str, tags: Mapping[str, str]) -> str:
        """Return the registry's number of an adapter version, registered now or earlier.

        Args:
            app: Its registered model, created with the first version.
            version: The adapter version, e.g. prompt-guard-v2.
            uri: Where its files lie.
            run_id: The run that made it.
            tags: Its lineage.
        """
        from mlflow.exceptions import MlflowException

        try:
            self._client.get_registered_model(app)
        except MlflowException:
            self._client.create_registered_model(app)
        number = self.number(app, version)
        if number:
            return number
        made = self._client.create_model_version(app, uri, run_id, tags={_VERSION_TAG: version, **tags})
        return str(made.version)

    def number(self, app: str, version: str) -> str:
        """Return the registry's number of an adapter version, empty when it has none."""
        found = self._client.search_model_versions(f"name = '{app}' AND tags.`{_VERSION_TAG}` = '{version}'")
        return str(found[0].version) if found else ""

    def tags(self, app: str, version: str) -> dict[str, str]:
        """Return the lineage tags of a registered adapter version."""
        number = self.number(app, version)
        return dict(self._client.get_model_version(app, number).tags) if number else {}

    def set_alias(self, app: str, alias: Alias, version: str) -> None:
        """Let an alias stand for an adapter version; promotion and rollback are moves of `champion`.

        Raises:
            KeyError: The version is not registered.
        """
        number = self.number(app, version)
        if not number:
            raise KeyError(version)
        self._client.set_registered_model_alias(app, alias, number)

    def aliased(self, app: str, alias: Alias) -> str:
        """Return the adapter version behind an alias, empty when there is none."""
        from mlflow.exceptions import MlflowException

        try:
            return str(self._client.get_model_version_by_alias(app, alias).tags.get(_VERSION_TAG, ""))
        except MlflowException:
            return ""

    def _experiment(self, app: str) -> str:
        known = self._client.get_experiment_by_name(app)
        if known is not None:
            return str(known.experiment_id)
        return str(self._client.create_experiment(app, artifact_location=f"{self._runs}/{app}" if self._runs else None))
