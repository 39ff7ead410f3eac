"""Puts the server together: the model's thread, what it serves, the addresses."""

import asyncio
import contextlib
import copy
import logging
import os
import threading
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import torch
from starlette.applications import Starlette

from schemas.configuration import Configuration
from schemas.configuration_parser import BadConfiguration
from schemas.settings import Settings
from services.model_server.batching.rows import Language
from services.model_server.measures import Measures
from services.model_server.routes import Counter
from services.model_server.served import Served
from services.model_server.waiting import Limits, WaitingRoom
from services.model_server.worker import Worker
from services.models.base import base_model_folder, load_base
from services.models.grammars import Grammars
from services.models.places import is_known
from services.parts.ingress.serving import ERROR_HANDLERS, health_routes, process_registry

BASE_MODEL = "DRIFTLOOP_BASE_MODEL"
_log = logging.getLogger(__name__)
_STOP_S = 3.0
DEFAULT_LIMITS = Limits()


def build_application(
    settings: Settings, configuration: Configuration, *, limits: Limits = DEFAULT_LIMITS
) -> Starlette:
    """Return the server; the model is loaded on its own thread once it starts, and /healthz tells when.

    `state.room` of the result is the queue in front of the model.

    Raises:
        BadConfiguration: No base model or several, or one that is not on this machine.
    """
    name = base_model_of(configuration, os.environ)
    if not is_known(name, settings.data):
        raise BadConfiguration(f"apps: base model {name!r} is neither a folder nor in an installed package")
    registry = process_registry()
    measures = Measures(registry)
    room = WaitingRoom(limits)
    served = Served(base=name, worker=Worker(room, measures))
    stopping = threading.Event()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        thread = threading.Thread(target=partial(_work, settings, served, stopping), name="model", daemon=True)
        thread.start()
        yield
        stopping.set()
        await asyncio.to_thread(thread.join, _STOP_S)

    routes = [
        *health_routes(lambda: {"model": served.loaded.is_set()}, registry),
        *Counter(served, room, measures).routes(),
    ]
    application = Starlette(routes=routes, exception_handlers=ERROR_HANDLERS, lifespan=lifespan)
    application.state.room = room
    return application


def base_model_of(configuration: Configuration, environment: Mapping[str, str]) -> str:
    """Return the one base model that this server serves: DRIFTLOOP_BASE_MODEL, or the apps' own.

    Apps with upstreams of their own are served elsewhere and don't count.

    Raises:
        BadConfiguration: The apps name none, or different ones.
    """
    names = {app.base_model for app in configuration.apps if not app.upstreams}
    chosen = environment.get(BASE_MODEL, "")
    if chosen:
        return chosen
    if len(names) != 1:
        raise BadConfiguration(
            f"apps: the model server serves one base model, not {len(names)}; "
            f"give the other apps upstreams, or set {BASE_MODEL}"
        )
    return names.pop()


def _work(settings: Settings, served: Served, stopping: threading.Event) -> None:
    """Load the model, then work. What ends this thread ends the process: a server without it is none."""
    try:
        _equip(settings, served)
        served.worker.run(stopping)
    except Exception:  # noqa: BLE001  # whatever it is, the supervisor starts a fresh process
        _log.exception("the model's thread ended")
        os._exit(1)


def _equip(settings: Settings, served: Served) -> None:
    folder = base_model_folder(served.base, settings.data)
    model, tokenizer = load_base(folder)
    served.root, served.context = str(folder), model.config.max_position_embeddings
    served.window = min(served.context, getattr(model.config, "sliding_window", None) or served.context)
    served.tokenizer, ends = tokenizer, _ends(model, tokenizer)
    served.grammars = Grammars(tokenizer, model.config.vocab_size, ends)
    # Fast tokenizers must not be used from two threads at once.
    speaking = copy.deepcopy(tokenizer)
    decode = partial(speaking.decode, skip_special_tokens=True)
    served.worker.equip(model, Language(decode, ends, served.grammars))
    served.loaded.set()
    _log.info("model loaded base=%s dtype=%s threads=%s", served.base, model.dtype, torch.get_num_threads())


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    declared = model.generation_config.eos_token_id
    several = declared if isinstance(declared, list) else [declared]
    return frozenset(token for token in (*several, tokenizer.eos_token_id) if token is not None)
