"""Values of a table's columns as torch takes them: pictures, meshes and vectors as tensors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from headwater.artifacts.columns import IMAGE, shape_of
from headwater.artifacts.images import decode_picture
from headwater.artifacts.meshes import from_ply

Reader = Callable[[pa.Scalar], Any]


def reader_of(field: pa.Field) -> Reader:
    """The function that turns a value of a column, an Arrow scalar, into what torch takes.

    A picture becomes (C, H, W) uint8, with 16 bits int32; a mesh a dict of vertices (V, 3) float32
    and faces (F, 3) int32; a list of numbers a tensor of the shape that the column states; text,
    single numbers and empty values stay what they are in Python.
    """
    if field.type == IMAGE:
        return _or_none(_mesh if field.name.startswith("mesh") else _picture)
    if not pa.types.is_nested(field.type):
        return lambda value: value.as_py()
    shape = shape_of(field)
    return _or_none(lambda value: _numbers(value) if shape is None else _numbers(value).view(shape))


def _or_none(read: Reader) -> Reader:
    return lambda value: read(value) if value.is_valid else None


def _picture(value: pa.Scalar) -> Tensor:
    array = decode_picture(value.as_py())
    if array.dtype != np.uint8:
        array = array.astype(np.int32)
    pixels = torch.from_numpy(array if array.flags.writeable else array.copy())
    return pixels.unsqueeze(0) if pixels.ndim == 2 else pixels.permute(2, 0, 1)


def _mesh(value: pa.Scalar) -> dict[str, Tensor]:
    vertices, faces = from_ply(value.as_py()["bytes"], "mesh")
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
