"""Values of a table's columns as torch takes them: pictures, meshes and vectors as tensors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from headwater.artifacts.columns import IMAGE, shape_of
from headwater.artifacts.images import decode_planes
from headwater.artifacts.meshes import from_ply

Values = Callable[[int], Any]


def values_of(field: pa.Field, array: pa.Array) -> Values:
    """The function that gives a row's value of a column as torch takes it, by the row's number.

    A picture is (C, H, W) uint8, contiguous, with 16 bits int32; a mesh a dict of vertices (V, 3)
    float32 and faces (F, 3) int32; a list of numbers a tensor of the shape that the column states;
    text, single numbers and empty values are what they are in Python.
    """
    if field.type == IMAGE:
        read, content = (_mesh if field.name.startswith("mesh") else _picture), _bytes_of(array)
        return _or_none(array, lambda row: read(content(row)))
    if not pa.types.is_nested(field.type):
        return array.to_pylist().__getitem__
    shape = shape_of(field)
    if shape is None:
        return _or_none(array, lambda row: _numbers(array[row]))
    return _or_none(array, lambda row: _numbers(array[row]).view(shape))


def _or_none(array: pa.Array, value: Values) -> Values:
    if not array.null_count:
        return value
    valid = array.is_valid().to_pylist()
    return lambda row: value(row) if valid[row] else None


def _bytes_of(array: pa.StructArray) -> Callable[[int], memoryview]:
    """The bytes of a picture or mesh by row; an Arrow scalar would be a copy of them."""
    content = array.field("bytes")
    _, offsets, data = content.buffers()
    ends = np.frombuffer(offsets, np.int32)[content.offset : content.offset + len(content) + 1]
    view = memoryview(data if data is not None else b"")
    return lambda row: view[ends[row] : ends[row + 1]]


def _picture(data: memoryview) -> Tensor:
    return torch.from_numpy(decode_planes({"bytes": data, "path": "picture"}))


def _mesh(data: memoryview) -> dict[str, Tensor]:
    vertices, faces = from_ply(bytes(data), "mesh")
    return {"vertices": torch.from_numpy(vertices), "faces": torch.from_numpy(faces)}


def _numbers(value: pa.Scalar) -> Tensor:
    """A list of numbers, or of equally long lists of them."""
    values = value.values
    rows = len(values)
    nested = pa.types.is_nested(values.type)
    if nested:
        values = values.flatten()
    tensor = torch.from_numpy(np.array(values.to_numpy(zero_copy_only=False)))
    return tensor.view(rows, -1) if nested and rows else tensor
