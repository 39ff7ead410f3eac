"""A replica that speaks vLLM's protocol for runtime LoRA adapters, with its state in the open."""

from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Held:
    """What the replica holds, and how often it was asked to load."""

    adapters: dict[str, str] = field(default_factory=dict)
    loads: list[str] = field(default_factory=list)


def replica(held: Held) -> Starlette:
    """Return the application; like vLLM it forgets its adapters when it is made anew with a new Held."""

    async def models(_: Request) -> Response:
        base = {"id": "tiny", "object": "model", "root": "tiny", "parent": None}
        adapters = [
            {"id": name, "object": "model", "root": path, "parent": "tiny"} for name, path in held.adapters.items()
        ]
        return JSONResponse({"object": "list", "data": [base, *adapters]})

    async def load(request: Request) -> Response:
        body = await request.json()
        name, path = body["lora_name"], body["lora_path"]
        held.loads.append(name)
        if name in held.adapters:
            return JSONResponse({"message": f"The lora adapter '{name}' has already been loaded."}, 400)
        if not Path(path).is_dir():
            return JSONResponse({"message": f"No adapter found for {path}"}, 404)
        held.adapters[name] = path
        return PlainTextResponse(f"Success: LoRA adapter '{name}' added successfully.")

    async def unload(request: Request) -> Response:
        name = (await request.json())["lora_name"]
        if held.adapters.pop(name, None) is None:
            return JSONResponse({"message": f"The lora adapter '{name}' cannot be found."}, 404)
        return PlainTextResponse(f"Success: LoRA adapter '{name}' removed successfully.")

    return Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/load_lora_adapter", load, methods=["POST"]),
            Route("/v1/unload_lora_adapter", unload, methods=["POST"]),
        ]
    )


def locked(application: ASGIApp, key: str) -> ASGIApp:
    """Return an application that turns away callers without a key."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and Headers(scope=scope).get("authorization") != f"Bearer {key}":
            await JSONResponse({"error": "Unauthorized"}, 401)(scope, receive, send)
        else:
            await application(scope, receive, send)

    return guarded
