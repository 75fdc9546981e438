"""ONNX files of one node, written as protobuf by hand: the package ``onnx`` is not needed."""

import numpy as np

FLOAT = 1
EXTERNAL = 1
INT = 2
INTS = 7


def onnx_file(
    operator: str,
    constant: np.ndarray | None = None,
    *,
    input_type: int = FLOAT,
    output_type: int = FLOAT,
    constant_type: int = FLOAT,
    weights_file: str = "",
    side: int | None = None,
    outputs: int = 1,
    **attributes: int | list[int],
) -> bytes:
    """A network (n, 3, h, w) -> ``operator`` of it, or of it and a constant.

    As Identity its output is the constant alone. side: of the images, any when left out.
    weights_file: where the constant is kept instead, as raw float32. attributes: whole
    numbers, or lists of them.
    """
    names = [b"image", b"constant"] if constant is not None else [b"image"]
    if operator == "Identity" and constant is not None:
        names = [b"constant"]
    node = b"".join(_part(1, name) for name in names)
    node += b"".join(_part(2, b"maps%d" % i) for i in range(outputs))
    node += _part(4, operator.encode())
    node += b"".join(_part(5, _attribute(name, value)) for name, value in attributes.items())
    graph = _part(1, node) + _part(2, b"toy")
    if constant is not None:
        graph += _part(5, _tensor(b"constant", constant, weights_file, constant_type))
    sides: list[int | bytes] = [side, side] if side else [b"h", b"w"]
    graph += _part(11, _described(b"image", input_type, [b"n", 3, *sides]))
    for i in range(outputs):
        graph += _part(12, _part(1, b"maps%d" % i) + _part(2, _part(1, _number(1, output_type))))
    return _number(1, 8) + _part(7, graph) + _part(8, _number(2, 17))


def _attribute(name: str, value: int | list[int]) -> bytes:
    if isinstance(value, int):
        return _part(1, name.encode()) + _number(3, value) + _number(20, INT)
    return _part(1, name.encode()) + b"".join(_number(8, v) for v in value) + _number(20, INTS)


def _tensor(name: bytes, values: np.ndarray, weights_file: str, kind: int) -> bytes:
    dims = b"".join(_number(1, size) for size in values.shape)
    raw = _part(9, values.astype("<f4" if kind == FLOAT else "<i8").tobytes())
    if weights_file:
        place = _part(1, b"location") + _part(2, weights_file.encode())
        raw = _part(13, place) + _number(14, EXTERNAL)
    return dims + _number(2, kind) + _part(8, name) + raw


def _described(name: bytes, kind: int, shape: list[int | bytes]) -> bytes:
    dims = b"".join(
        _part(1, _part(2, size) if isinstance(size, bytes) else _number(1, size)) for size in shape
    )
    return _part(1, name) + _part(2, _part(1, _number(1, kind) + _part(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    content = b""
    while value > 0x7F:
        content += bytes([value & 0x7F | 0x80])
        value >>= 7
    return content + bytes([value])


def constant(maps: np.ndarray) -> bytes:
    """A network that gives the same maps (1, M, h, w) for every image."""
    return onnx_file("Identity", maps)
