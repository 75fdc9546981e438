"""First weights of an image encoder from a user's file under torchvision's parameter names."""

from pathlib import Path
from typing import Final

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from headwater.artifacts.regular_files import regular_bytes
from headwater.errors import HeadwaterError

MAX_BYTES: Final = 2**30


def load_encoder(encoder: nn.Module, path: Path) -> None:
    """Put the weights of a safetensors file into ``encoder``; a classifier's are left out.

    Raises HeadwaterError where the file is none, or of another network.
    """
    found = _tensors(path)
    own = encoder.state_dict()
    missing = [name for name in own if name not in found and not name.endswith("_tracked")]
    if missing:
        raise HeadwaterError(
            f"{path}: no weights of this encoder, {missing[0]} and {len(missing) - 1} others are "
            "missing; name a file of torchvision's weights of the same network"
        )
    for name, value in own.items():
        if name in found and found[name].shape != value.shape:
            raise HeadwaterError(
                f"{path}: {name} is {tuple(found[name].shape)} instead of {tuple(value.shape)}; "
                "name weights of the same network, or set its width and depths to theirs"
            )
        if name in found and not found[name].isfinite().all():
            raise HeadwaterError(f"{path}: {name} has values that are not finite numbers")
    encoder.load_state_dict({name: found.get(name, value) for name, value in own.items()})


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load(regular_bytes(path, MAX_BYTES))
    except (OSError, SafetensorError, ValueError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise HeadwaterError(
            f"{path}: no readable weights ({reason}); save them with safetensors"
        ) from error
