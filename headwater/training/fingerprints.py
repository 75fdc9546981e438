"""Fingerprint of a training, by which a checkpoint is known to be its own."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor

from headwater.artifacts.code import code_of_functions
from headwater.artifacts.ids import canonical_json


def fingerprint(
    train: Callable[..., Any], settings: Mapping[str, Any], data: Iterable[Tensor | None]
) -> str:
    """SHA-256 of everything that weights depend on: settings, code with its packages, and data."""
    code = code_of_functions([train]).as_json()
    total = hashlib.sha256(canonical_json({**settings, **code}).encode())
    for tensor in data:
        if tensor is None:
            total.update(b"none")
        else:
            total.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            total.update(tensor.contiguous().numpy().tobytes())
    return total.hexdigest()
