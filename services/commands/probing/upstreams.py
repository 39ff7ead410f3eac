"""Probes of the model servers behind the apps."""

import os
import ssl
from collections.abc import Iterator

from schemas.configuration import App, Configuration
from schemas.configuration_parser import BadConfiguration
from schemas.settings import Settings
from services.commands.probing.probe import NotYet, Probe, Wrong
from services.commands.upstream import Upstream, UpstreamSilent, look_at, tidied
from services.embedded.state import is_running
from services.parts.addresses import shown
from services.parts.credentials import credentials_of
from services.parts.reach import trust_of

_SILENT = "{why}; start it, or mend {place}"


def upstream_probes(configuration: Configuration, settings: Settings, timeout_s: float) -> Iterator[Probe]:
    """Yield a probe of each upstream of each app; an app without any is served by driftloop's own model server."""
    for index, app in enumerate(configuration.apps):
        what = f"upstream of {app.name}"
        learns = _learns(app, configuration)
        for number, url in enumerate(app.upstreams):
            place = f"apps[{index}].upstreams[{number}]"
            yield Probe(what, shown(url), _Asked(app, url, place, timeout_s, learns))
        if not app.upstreams:
            url = settings.url("model_server")
            yield Probe(what, shown(url), _OwnAsked(app, url, settings, timeout_s))


class _Asked:
    def __init__(self, app: App, url: str, place: str, timeout_s: float, learns: bool) -> None:
        self._app, self._url, self._place, self._timeout_s, self._learns = app, url, place, timeout_s, learns

    def __call__(self) -> str:
        if tidied(self._url) != self._url.rstrip("/"):
            raise Wrong(f"write http:// or https:// and leave /v1 out, which the gateway adds; mend {self._place}")
        try:
            seen = look_at(self._url.rstrip("/"), self._timeout_s, self._credentials(), self._trust())
        except UpstreamSilent as error:
            raise Wrong(_SILENT.format(why=error, place=self._place)) from error
        if self._learns and seen.loading == "no":
            raise Wrong(
                f"adapters can't be loaded ({seen.why}), but {self._app.name} is to be retrained; start vLLM with "
                "--enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, or take training, rollout and retrain out"
            )
        return _served(seen, self._app)

    def _credentials(self) -> dict[str, str]:
        variable = self._app.upstream_key_env
        if variable and not os.environ.get(variable, "").strip():
            raise Wrong(f"its key {variable} is not set; export it here and where `driftloop up` runs")
        return credentials_of(self._app, os.environ).as_headers

    def _trust(self) -> ssl.SSLContext | None:
        try:
            return trust_of(self._app)
        except BadConfiguration as error:
            raise Wrong(str(error)) from error


class _OwnAsked:
    def __init__(self, app: App, url: str, settings: Settings, timeout_s: float) -> None:
        self._app, self._url, self._settings, self._timeout_s = app, url, settings, timeout_s

    def __call__(self) -> str:
        try:
            return _served(look_at(self._url, self._timeout_s), self._app)
        except UpstreamSilent as error:
            if "model_server" not in self._settings.urls and not is_running(self._settings.data):
                raise NotYet("not running; `driftloop up` starts it") from error
            raise Wrong(f"{error}; see `driftloop status`") from error


def _served(seen: Upstream, app: App) -> str:
    if seen.listing >= 500:
        raise Wrong(f"answers {seen.listing}; its own log says why")
    if seen.models is None:
        why = "to those with a key only" if seen.wants_a_key else "to nobody"
        return f"answers; it lists its models {why} ({seen.listing}), so whether it serves {app.base_model} is unknown"
    if app.base_model not in seen.models:
        served = ", ".join(seen.models) or "nothing"
        raise Wrong(f"serves {served}, not {app.base_model}; mend base_model of {app.name}")
    loading = {"yes": "adapters seem to be loadable", "no": "adapters can't be loaded"}.get(seen.loading, "")
    return f"serves {app.base_model}" + (f"; {loading} at runtime" if loading else "") + _constraint(seen, app)


def _constraint(seen: Upstream, app: App) -> str:
    if not (app.labels and app.upstreams and seen.dialect):
        return ""
    if app.constrain == "auto":
        return f"; constrain: {seen.dialect} would hold its answers to the labels of {app.name}"
    if app.constrain not in ("none", seen.dialect):
        raise Wrong(f"it understands {seen.dialect}, not {app.constrain}; mend constrain of {app.name}")
    return ""


def _learns(app: App, configuration: Configuration) -> bool:
    ordered = any(monitor.app == app.name and "retrain" in monitor.then for monitor in configuration.monitors)
    policies = [policy.app for policy in configuration.training] + [policy.app for policy in configuration.rollout]
    return ordered or app.name in policies
