"""A frozen network of the user's own, an ONNX file: opened, tried apart, run on images.

It gets one image at a time, float32 RGB (1, 3, S, S) in 0..1, and gives maps (1, M, h, w): so that
what it sees in an image does not depend on the images beside it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from headwater.apart import CPU_SECONDS, CrashedError, EndedError, OutOfTimeError, run_apart
from headwater.artifacts.ids import sha256_hex
from headwater.artifacts.regular_files import regular_bytes
from headwater.errors import HeadwaterError
from headwater.networks import try_onnx
from headwater.networks.onnx_adapter import open_onnx

MAX_BYTES: Final = 2**30


@dataclass(frozen=True)
class FrozenNet:
    """A network that has been tried: its file's path and sha256, side of its images, its maps."""

    path: Path
    sha256: str
    side: int
    maps: int
    network: Callable[[Tensor], Tensor]

    def answer(self, image: Tensor) -> Tensor:
        """Maps (1, M, h, w) float32, finite, of an image (1, 3, S, S) float32 RGB in 0..1.

        Raises HeadwaterError where they are not, or not as many as of the grey image.
        """
        maps = _answer(self.path, self.network, image)
        if maps.shape[1] != self.maps:
            raise HeadwaterError(
                f"{self.path}: gives {self.maps} maps of one image, {maps.shape[1]} of another"
            )
        return maps


def read_net(path: Path) -> bytes:
    """The bytes of a network's file. Raises HeadwaterError when there is no such file."""
    try:
        return regular_bytes(path, MAX_BYTES)
    except OSError as error:
        raise HeadwaterError(
            f"{path}: no readable network ({error.strerror or error}); name an .onnx file"
        ) from error


def open_net(path: Path, content: bytes, side: int | None, threads: int) -> FrozenNet:
    """The network that ``content`` of the file ``path`` holds, tried on a grey image.

    side: S of the images, px; None for the one that the network itself says. threads: of the CPU.
    Raises HeadwaterError for anything that is no such network.
    """
    if path.suffix.lower() != ".onnx":
        raise HeadwaterError(f"{path}: a network is an .onnx file")
    side = _try_apart(path, content, side or 0, threads)
    network = _opened(path, content, threads)
    grey = torch.full((1, 3, side, side), 0.5)
    maps = _answer(path, network, grey).shape[1]
    return FrozenNet(path, sha256_hex(content), side, maps, network)


def _try_apart(path: Path, content: bytes, side: int, threads: int) -> int:
    """The side of its images. Raises HeadwaterError when it does not run, or not within bounds."""
    try:
        said = run_apart(try_onnx.__name__, (str(threads), str(side)), content)
    except OutOfTimeError as error:
        raise HeadwaterError(
            f"{path}: takes more than {CPU_SECONDS} s of processor time for one image"
        ) from error
    except CrashedError as error:
        raise HeadwaterError(f"{path}: crashes the program that runs it") from error
    except EndedError as error:
        raise HeadwaterError(f"{path}: was ended while it was tried; run again") from error
    side, fault = json.loads(said)
    if fault is not None:
        raise HeadwaterError(f"{path}: {fault}")
    return int(side)


def _opened(path: Path, content: bytes, threads: int) -> Callable[[Tensor], Tensor]:
    try:
        onnx = open_onnx(content, threads)
    except ValueError as fault:
        raise HeadwaterError(f"{path}: not a usable ONNX network: {fault}") from fault
    return lambda images: torch.from_numpy(onnx(images.numpy()))


def _answer(path: Path, network: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """Maps (1, M, h, w) float32 of an image (1, 3, S, S). Raises HeadwaterError for others."""
    given = tuple(image.shape)
    try:
        maps = network(image)
    except ValueError as fault:
        raise HeadwaterError(f"{path}: does not take images {given} of float32: {fault}") from fault
    if maps.dim() != 4 or len(maps) != 1 or not maps.numel() or not maps.is_floating_point():
        raise HeadwaterError(
            f"{path}: gives {maps.dtype} {tuple(maps.shape)} for images {given}, "
            "not floating-point maps (1, maps, height, width)"
        )
    if not maps.isfinite().all():
        raise HeadwaterError(f"{path}: gives maps that are not finite")
    return maps.float()
