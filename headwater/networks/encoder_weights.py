"""Initial weights of an image encoder from a user's file with torchvision's parameter names."""

import hashlib
import io
import zipfile
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 (its error alone)
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from headwater.artifacts.regular_files import regular_bytes
from headwater.errors import READER_ERRORS, HeadwaterError

MAX_BYTES: Final = 2**30
SAFETENSORS: Final = ".safetensors"


def load_encoder(encoder: nn.Module, path: Path, sha256: str) -> None:
    """Load the weights of a file into ``encoder``; those of a classifier are left out.

    path: a file of safetensors, or of torch (.pth, .pt), of which nothing but tensors is read.
    sha256: hex, of its content when the training's inputs were hashed. Raises HeadwaterError where
    the content is another one, or is no weights of this network.
    """
    found = _tensors(path, sha256)
    own = encoder.state_dict()
    missing = [name for name in own if name not in found and not name.endswith("_tracked")]
    if missing:
        raise HeadwaterError(
            f"{path}: no weights of this encoder, {missing[0]} and {len(missing) - 1} others are "
            "missing; name a file of torchvision's weights of the same network"
        )
    for name, value in own.items():
        # The shape first: a tensor that stores one number may have any shape (stride 0).
        if name in found and found[name].shape != value.shape:
            raise HeadwaterError(
                f"{path}: {name} is {tuple(found[name].shape)} instead of {tuple(value.shape)}; "
                "name weights of the same network, or set its width and depths to theirs"
            )
        if name in found and not _numbers(found[name]):
            raise HeadwaterError(f"{path}: {name} has values that are not finite numbers")
    encoder.load_state_dict({name: found.get(name, value) for name, value in own.items()})


def _numbers(values: Tensor) -> bool:
    dense = values.layout == torch.strided and values.device.type == "cpu"
    return dense and not values.is_complex() and bool(values.isfinite().all())


def _tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    try:
        data = regular_bytes(path, MAX_BYTES)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError("it changed while the build ran; run it again")
        found = load(data) if path.suffix == SAFETENSORS else _of_torch(data)
    except (SafetensorError, UnpicklingError, *READER_ERRORS) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise HeadwaterError(
            f"{path}: no readable weights ({reason}); name a file of torchvision's weights, "
            "whole and as published, or save them with safetensors"
        ) from error
    return found


def _of_torch(data: bytes) -> dict[str, Tensor]:
    """Tensors by name of a file of ``torch.save``. Raises torch's errors, and ValueError."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as members:
            # torch stores members uncompressed; compressed ones may unpack to any size.
            if any(one.compress_type != zipfile.ZIP_STORED for one in members.infolist()):
                raise ValueError("it is packed in a way that torch does not")
    # weights_only builds tensors and containers and calls nothing that the file names.
    found: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)  # noqa: TID251
    if not isinstance(found, dict) or not all(isinstance(one, Tensor) for one in found.values()):
        raise ValueError("it holds no tensors by name, as a state dict does")
    return {str(name): value for name, value in found.items()}
