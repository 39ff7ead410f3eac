"""A sentence encoder's ONNX file, cut off after one of its layers.

The last layers of a model that was tuned for similarity of meaning know less of intent than the ones in
the middle, and cost the most: the heads read the middle (docs/scores.md). So other outputs are named and
what comes behind them is left out, on the wire of protobuf: for that alone the onnx package isn't needed.
"""

from collections.abc import Iterator, Sequence

# In onnx.proto: ModelProto.graph; GraphProto.node and .output; NodeProto.output; ValueInfoProto.name and .type;
# TypeProto.tensor_type; TypeProto.Tensor.elem_type.
_GRAPH, _NODE, _OUTPUT, _MADE, _NAME, _TYPE, _TENSOR, _ELEMENT = 7, 1, 12, 2, 1, 2, 1, 1
_FLOAT = 1
_VARINT, _BYTES = 0, 2


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """Return an ONNX model whose outputs are these of its inner values, without the nodes behind them.

    A graph's nodes stand in the order in which they can be computed, so all behind the last one needed go.

    Args:
        model: A serialised ModelProto.
        names: Values of float tensors in its graph.

    Raises:
        ValueError: It has no such value, or this is no ONNX file.
    """
    parts = [_field(_GRAPH, _cut(_content(f), names)) if number == _GRAPH else f for number, f in _fields(model)]
    return b"".join(parts)


def _cut(graph: bytes, names: Sequence[str]) -> bytes:
    wanted = {name.encode() for name in names}
    kept = []
    for number, field in _fields(graph):
        if number == _NODE and wanted:
            wanted -= {_content(inner) for n, inner in _fields(_content(field)) if n == _MADE}
            kept.append(field)
        elif number not in (_NODE, _OUTPUT):
            kept.append(field)
    if wanted:
        raise ValueError(f"the encoder has no {sorted(wanted)}: not the file that the heads were made for")
    return b"".join([*kept, *(_output(name) for name in names)])


def _output(name: str) -> bytes:
    element = bytes([_ELEMENT << 3 | _VARINT, _FLOAT])
    return _field(_OUTPUT, _field(_NAME, name.encode()) + _field(_TYPE, _field(_TENSOR, element)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each field's number and its bytes, the tag included.

    Raises:
        ValueError: This is no protobuf.
    """
    position = 0
    while position < len(message):
        tag, end = _read(message, position)
        match tag & 7:
            case 0:  # _VARINT
                _, end = _read(message, end)
            case 1:  # _FIXED64
                end += 8
            case 2:  # _BYTES
                length, end = _read(message, end)
                end += length
            case 5:  # _FIXED32
                end += 4
            case kind:
                raise ValueError(f"wire type {kind} at byte {position}: not an ONNX file")
        yield tag >> 3, message[position:end]
        position = end


def _content(field: bytes) -> bytes:
    """Return what a length-delimited field holds."""
    _, start = _read(field, 0)
    _, start = _read(field, start)
    return field[start:]


def _read(message: bytes, position: int) -> tuple[int, int]:
    """Return the varint at a position, and the position behind it."""
    value, shift = 0, 0
    while True:
        octet = message[position]
        position += 1
        value |= (octet & 127) << shift
        if octet < 128:  # the top bit says that more follows
            return value, position
        shift += 7


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    return bytes([*octets, value])
