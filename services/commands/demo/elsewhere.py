"""`driftloop demo --upstream URL`: the acts on a vLLM that runs already, in place of driftloop's own model server.

The rollout controller loads the adapters there, from folders of this machine, so the server must see its files.
"""

import json
import re
from pathlib import Path

from schemas.configuration import App
from schemas.configuration_parser import BadConfiguration
from schemas.settings import Settings
from services.commands.demo.configured import exchange
from services.commands.upstream import Upstream, UpstreamSilent, look_at, tidied
from services.parts.addresses import shown
from services.parts.runtime.process import read_configuration

_START = (
    "start vLLM with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and --enable-lora --max-lora-rank 16 --max-loras 4 "
    "--served-model-name {base}"
)


class UpstreamUnfit(ValueError):
    """The acts can't be played on this server. The message is one line: what is amiss and how to mend it."""


def must_be_fit(settings: Settings, name: str, url: str, timeout_s: float = 10.0) -> str:
    """Ask a server whether it can serve the app; return its URL as the configuration has it. Changes nothing there.

    Raises:
        BadConfiguration: There is no such app, or the file is wrong.
        UpstreamUnfit: It is silent, serves another base model, can't load adapters, or holds those of an earlier play.
    """
    app = _app(settings, name)
    url = tidied(url)
    try:
        amiss = _amiss(look_at(url, timeout_s), app)
    except UpstreamSilent as error:
        amiss = f"{error}; {_START.format(base=app.base_model)}"
    if amiss:
        raise UpstreamUnfit(f"--upstream {shown(url)}: {amiss}")
    return url


def served_elsewhere(settings: Settings, name: str, url: str) -> None:
    """Let an app of the demonstration's own copy of its configuration be answered by a server, and by no other.

    Raises:
        BadConfiguration: The file can't be changed so.
    """
    lines = [f"  - name: {name}", f"    upstreams: [{json.dumps(url)}]"]
    if _app(settings, name).labels:
        lines.append("    constrain: vllm")
    try:
        exchange(settings.configuration, {f"{lines[0]}\n": "".join(f"{line}\n" for line in lines)})
    except ValueError as error:
        raise BadConfiguration(f"--upstream: {error}") from error
    if _app(settings, name).upstreams != (url,):
        raise BadConfiguration(f"--upstream: {settings.configuration.name} names upstreams of {name} itself")


def answering(app: App, settings: Settings) -> str:
    """Return the URL of what answers an app: its first upstream, or driftloop's model server."""
    return app.upstreams[0] if app.upstreams else settings.url("model_server")


def _app(settings: Settings, name: str) -> App:
    app = read_configuration(settings).app(name)
    if app is None:
        raise BadConfiguration(f"{Path(settings.configuration).name}: there is no app {name!r}")
    return app


def _amiss(seen: Upstream, app: App) -> str:
    """Return what is amiss with a server, empty if nothing is."""
    start = _START.format(base=app.base_model)
    if seen.models is None:
        why = "wants a key, and the demonstration has none to tell" if seen.wants_a_key else "lists no models"
        return f"it {why} ({seen.listing}); {start}"
    if app.base_model not in seen.bases:
        return f"it serves {', '.join(seen.bases) or 'nothing'}, not {app.base_model}; {start}"
    if seen.loading != "yes":
        return f"it can't load adapters ({seen.why}); {start}"
    # The controller takes what is listed for loaded, so an earlier play's version would answer for this one's.
    left = [model for model in seen.models if re.fullmatch(rf"{re.escape(app.name)}-v\d+", model)]
    if left:
        return f"it holds {', '.join(left)} of an earlier demonstration; start it anew, or unload what it holds"
    return ""
