"""Bodies too large to be held, on their way to an upstream piece by piece: files and audio, which are not recorded."""

import re
from collections.abc import AsyncIterator, Callable

from starlette.requests import ClientDisconnect, Request

from services.parts.ingress.bodies import body_of, too_large
from services.parts.ingress.errors import Refusal

FORM_MODEL = re.compile(rb'name="?model"?\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n', re.IGNORECASE)
# Of a body that is known to be large, as much is held as may tell which app it is for.
_HEAD_BYTES = 1024 * 1024
# No form field and its headers are longer.
_OVERLAP_BYTES = 1024


class Upload:
    """The pieces of a body, once.

    Attributes:
        refusal: Why they ended before their time, if that was the client's fault.
        done: Whether the last one was taken.
    """

    def __init__(self, head: bytes, rest: AsyncIterator[bytes], limit: int) -> None:
        self.refusal: Refusal | None = None
        self.done = False
        self.head = head
        self._rest, self._limit, self._size = rest, limit, len(head)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield them.

        Raises:
            Refusal: They are more than the limit, or the client left.
        """
        try:
            yield self.head
            async for piece in self._rest:
                self._size += len(piece)
                if self._size > self._limit:
                    raise too_large(self._limit)
                yield piece
            self.done = True
        except Refusal as refusal:
            self.refusal = refusal
            raise
        except ClientDisconnect as error:
            self.refusal = Refusal(400, "the client left before its request was complete")
            raise self.refusal from error


class FormUpload(Upload):
    """An upload of a form whose field `model`, which comes after the file, is readdressed on its way."""

    def __init__(self, head: bytes, rest: AsyncIterator[bytes], limit: int, put: Callable[[bytes], bytes]) -> None:
        super().__init__(head, rest, limit)
        self._put = put

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield them, with the first `model` as `put` has it."""
        pieces, kept = super().pieces(), b""
        async for piece in pieces:
            kept += piece
            found = FORM_MODEL.search(kept)
            if found:
                yield kept[: found.start(1)] + self._put(found[1]) + kept[found.end(1) :]
                async for further in pieces:
                    yield further
                return
            if len(kept) > _OVERLAP_BYTES:
                yield kept[:-_OVERLAP_BYTES]
                kept = kept[-_OVERLAP_BYTES:]
        yield kept


async def begun(request: Request, *, held: int, limit: int) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """Return a whole body of at most `held` bytes, or the beginning of a larger one and what yields its rest.

    A body that comes encoded has to be held: it is decoded.

    Raises:
        Refusal: As `body_of`; 413 it says that it is larger than `limit`.
    """
    if request.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        return await body_of(request, held), None
    declared = int(request.headers.get("content-length", "0") or 0)
    if declared > limit:
        raise too_large(limit)
    most = _HEAD_BYTES if declared > held else held
    stream, pieces, size = aiter(request.stream()), [], 0
    try:
        async for piece in stream:
            pieces.append(piece)
            size += len(piece)
            if size > most:
                return b"".join(pieces), stream
    except ClientDisconnect as error:
        raise Refusal(400, "the client left before its request was complete") from error
    return b"".join(pieces), None
