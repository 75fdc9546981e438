"""Heatmaps of a network of the user's own, an ONNX file: opened, tried, run on crops.

It gets one crop at a time, as float32 RGB (1, 3, S, S) in 0..1 with its background, and gives
(1, M, h, w): so that what it sees in a crop does not depend on the crops beside it.
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
from headwater.systems.glvd import try_onnx
from headwater.systems.glvd.config import GlvdConfig, HeatmapInput
from headwater.systems.glvd.heatmaps import resized
from headwater.systems.glvd.onnx_adapter import open_onnx

MAX_BYTES: Final = 2**30
_LARGEST: Final = float(torch.finfo(torch.float16).max)

Network = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class HeatmapNet:
    """A frozen network that has been tried: path, sha256 of the file, number of heatmaps."""

    path: Path
    sha256: str
    maps: int
    network: Network

    def heat(self, pixels: Tensor, config: GlvdConfig) -> Tensor:
        """(n, M, h, w) float16 heatmaps of crops (n, S, S, 4) uint8.

        Of the network's own size, or of the feature maps' where that is smaller. Raises
        HeadwaterError when one is not as the first was or not finite.
        """
        side = config.image_px // config.stride
        found = []
        for crop in pixels:
            maps = _answer(
                self.path, self.network, crop[..., :3].movedim(-1, 0)[None].float() / 255
            )
            if maps.shape[1] != self.maps:
                raise HeadwaterError(
                    f"{self.path}: gives {self.maps} heatmaps of one crop, "
                    f"{maps.shape[1]} of another"
                )
            larger = maps.shape[2] * maps.shape[3] > side * side
            found.append((resized(maps, side) if larger else maps).half())
        return torch.cat(found)


def read_net(path: Path) -> bytes:
    """The file's bytes. Raises HeadwaterError when there is no such file."""
    try:
        return regular_bytes(path, MAX_BYTES)
    except OSError as error:
        raise HeadwaterError(
            f"{path}: no readable heatmap network ({error.strerror or error}); name an .onnx file"
        ) from error


def open_net(path: Path, content: bytes, config: GlvdConfig) -> HeatmapNet:
    """The network that ``content`` of the file ``path`` holds, tried on a grey crop.

    Raises HeadwaterError for anything that is no such network.
    """
    if path.suffix.lower() != ".onnx":
        raise HeadwaterError(f"{path}: a heatmap network is an .onnx file")
    _try_apart(path, content, config)
    network = _opened(path, content, config.threads)
    grey = torch.full((1, 3, config.image_px, config.image_px), 0.5)
    maps = _answer(path, network, grey).shape[1]
    return HeatmapNet(path, sha256_hex(content), maps, network)


def with_net(config: GlvdConfig) -> tuple[GlvdConfig, HeatmapNet | None]:
    """The config with what is known of the user's heatmap network, and that network.

    None where the config names none.
    """
    if config.heatmaps.source != "net":
        return config, None
    path = Path(config.answer.heatmap_net)
    net = open_net(path, read_net(path), config)
    heatmaps = HeatmapInput(source="net", maps=net.maps, net=path.name, sha256=net.sha256)
    return config.model_copy(update={"heatmaps": heatmaps}), net


def needed_net(weights: Path, config: GlvdConfig, path: Path | None) -> HeatmapNet | None:
    """The network that weights were trained with, from the file ``path`` that the user names.

    Raises HeadwaterError where it is missing, is another one, or none is needed.
    """
    wanted = config.heatmaps
    if wanted.source != "net":
        if path is not None:
            raise HeadwaterError(
                f"{weights}: trained with heatmaps {wanted.source!r}, not with a network; "
                f"leave {path} out"
            )
        return None
    need = f"{weights}: trained with the heatmap network {wanted.net} (sha256 {wanted.sha256[:12]})"
    give = "name that file with --heatmaps, or as heatmaps in its overrides in params.yaml"
    if path is None:
        raise HeadwaterError(f"{need}; {give}")
    content = read_net(path)
    if (found := sha256_hex(content)) != wanted.sha256:
        raise HeadwaterError(f"{need}, and {path} is another (sha256 {found[:12]}); {give}")
    return open_net(path, content, config)


def _try_apart(path: Path, content: bytes, config: GlvdConfig) -> None:
    """Raise HeadwaterError when the network does not run, or not within bounds."""
    try:
        said = run_apart(try_onnx.__name__, (str(config.threads), str(config.image_px)), content)
    except OutOfTimeError as error:
        raise HeadwaterError(
            f"{path}: takes more than {CPU_SECONDS} s of processor time for one crop"
        ) from error
    except CrashedError as error:
        raise HeadwaterError(f"{path}: crashes the program that runs it") from error
    except EndedError as error:
        raise HeadwaterError(f"{path}: was ended while it was tried; run again") from error
    if (fault := json.loads(said)) is not None:
        raise HeadwaterError(f"{path}: {fault}")


def _opened(path: Path, content: bytes, threads: int) -> Network:
    try:
        onnx = open_onnx(content, threads)
    except ValueError as fault:
        raise HeadwaterError(f"{path}: not a usable ONNX network: {fault}") from fault
    return lambda images: torch.from_numpy(onnx(images.numpy()))


def _answer(path: Path, network: Network, images: Tensor) -> Tensor:
    """Heatmaps (1, M, h, w) float32 of images (1, 3, S, S). Raises HeadwaterError for others."""
    given = tuple(images.shape)
    try:
        maps = network(images)
    except ValueError as fault:
        raise HeadwaterError(f"{path}: does not take crops {given} of float32: {fault}") from fault
    if maps.dim() != 4 or len(maps) != 1 or not maps.numel() or not maps.is_floating_point():
        raise HeadwaterError(
            f"{path}: gives {maps.dtype} {tuple(maps.shape)} for crops {given}, "
            "not floating-point heatmaps (1, maps, height, width)"
        )
    if not maps.isfinite().all() or maps.abs().max() > _LARGEST:
        raise HeadwaterError(
            f"{path}: gives heatmaps that are not finite, or beyond {_LARGEST:.0f}; "
            "their peaks should be about 1"
        )
    return maps.float()
