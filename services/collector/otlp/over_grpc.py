"""OTLP over gRPC: Export of TraceService and LogsService on a port of its own, in the event loop of the HTTP server.

Messages come in as bytes and are read as over HTTP, so what is wrong in one span stays its own affair. The
answers follow https://opentelemetry.io/docs/specs/otlp: OK says what is on the spool; a refusal that a second
attempt may mend carries a RetryInfo.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage  # type: ignore[import-untyped]  # protobuf ships no stubs
from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]  # as above

from schemas.settings import Settings, port_variable
from services.collector.otlp.grpc_tls import server_credentials
from services.collector.otlp.wire import as_varint, delimited
from services.parts.access.admitted import EVERYBODY, Admitted
from services.parts.ingress.errors import Refusal
from services.parts.ingress.serving import bound_socket
from services.parts.runtime.health import PortTaken

_LOG = logging.getLogger(__name__)
PORT = "otlp_grpc"
_TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
_LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"
_STOP_S = 1.0
_STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
_RETRY_AFTER = "Retry-After"

Export = Callable[[bytes, Admitted], Awaitable[bytes]]
"""From the bytes of somebody's export request to those of its response, or Refusal."""
Admit = Callable[[Mapping[str, str]], Admitted]
"""Who the sender of a call is, told by its metadata (`authorization` and others), or Refusal."""


def everybody(_: Mapping[str, str]) -> Admitted:
    """Let every sender in."""
    return EVERYBODY


@asynccontextmanager
async def traces_over_grpc(
    export: Export, settings: Settings, *, message_bytes: int, admit: Admit = everybody, logs: Export | None = None
) -> AsyncIterator[bool]:
    """Serve until the context ends; calls in flight then get a second. A port that is taken is done without.

    Args:
        export: Takes traces.
        logs: Takes logs, where they are taken.
        message_bytes: Bound on one message, compressed and not.

    Yields:
        Whether it is served.
    """
    server = grpc.aio.server(
        options=(("grpc.max_receive_message_length", message_bytes), ("grpc.so_reuseport", 0)),
    )
    exports = {_TRACES: export} | ({_LOGS: logs} if logs else {})
    server.add_generic_rpc_handlers([_handlers(service, each, admit) for service, each in exports.items()])
    try:
        _bind(server, settings)
    except PortTaken as error:
        _LOG.warning("%s; going on without it", error)
        yield False
        return
    await server.start()
    try:
        yield True
    finally:
        await server.stop(_STOP_S)


def _bind(server: grpc.aio.Server, settings: Settings) -> None:
    # A socket of our own says first whether the port is free: gRPC would log a page about it.
    bound_socket(PORT, settings).close()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.ports[PORT]}"
    credentials = server_credentials(settings.listening)
    try:
        if credentials is None:
            server.add_insecure_port(address)
        else:
            server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise PortTaken(PORT, settings.ports[PORT], port_variable(PORT)) from error


def _handlers(service: str, export: Export, admit: Admit) -> grpc.GenericRpcHandler:
    async def handle(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            return await export(message, admit(_texts(context.invocation_metadata())))
        except Refusal as refusal:
            await _refuse(context, refusal)
            raise

    return grpc.method_handlers_generic_handler(service, {"Export": grpc.unary_unary_rpc_method_handler(handle)})


def _texts(metadata: grpc.aio.Metadata | None) -> dict[str, str]:
    return {name: value for name, value in metadata or () if isinstance(value, str)}


async def _refuse(context: grpc.aio.ServicerContext, refusal: Refusal) -> None:
    """End the call with what the refusal would be over HTTP; never returns."""
    code = _STATUS.get(refusal.status, grpc.StatusCode.INTERNAL)
    seconds = refusal.headers.get(_RETRY_AFTER, "")
    details = _details(code.value[0], refusal.message, int(seconds)) if seconds.isdigit() else None
    trailing = (("grpc-status-details-bin", details),) if details else ()
    await context.abort(code, refusal.message, trailing)


def _details(code: int, message: str, seconds: int) -> bytes:
    """Return a google.rpc.Status with a RetryInfo, whose field numbers are published and never change."""
    retry_info = delimited(1, Duration(seconds=seconds).SerializeToString())
    packed = AnyMessage(type_url=_RETRY_INFO, value=retry_info).SerializeToString()
    return as_varint(1 << 3) + as_varint(code) + delimited(2, message.encode()) + delimited(3, packed)
