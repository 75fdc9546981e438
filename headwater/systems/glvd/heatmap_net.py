"""Heatmaps of a network of the user's own, an ONNX file that sees crops with their background."""

from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from headwater.artifacts.ids import sha256_hex
from headwater.errors import HeadwaterError
from headwater.networks.frozen_net import FrozenNet, open_net, read_net
from headwater.systems.glvd.config import GlvdConfig, HeatmapInput
from headwater.systems.glvd.heatmaps import resized

_LARGEST: Final = float(torch.finfo(torch.float16).max)


def network_heat(net: FrozenNet, pixels: Tensor, config: GlvdConfig) -> Tensor:
    """(n, M, h, w) float16 heatmaps that ``net`` gives of crops (n, S, S, 4) uint8.

    Of the network's own size, or of the feature maps' where that is smaller. Raises HeadwaterError
    as ``FrozenNet.answer``, and for heatmaps beyond the reach of float16.
    """
    side = config.image_px // config.stride
    heat = []
    for crop in pixels:
        maps = net.answer(crop[..., :3].movedim(-1, 0)[None].float() / 255)
        if maps.abs().max() > _LARGEST:
            raise HeadwaterError(
                f"{net.path}: gives heatmaps beyond {_LARGEST:.0f}; their peaks should be about 1"
            )
        larger = maps.shape[2] * maps.shape[3] > side * side
        heat.append((resized(maps, side) if larger else maps).half())
    return torch.cat(heat)


def with_net(config: GlvdConfig) -> tuple[GlvdConfig, FrozenNet | None]:
    """The config with what is known of the user's heatmap network, and that network.

    None where the config names none.
    """
    if config.heatmaps.source != "net":
        return config, None
    path = Path(config.answer.heatmap_net)
    net = _opened(path, read_net(path), config)
    heatmaps = HeatmapInput(source="net", maps=net.maps, net=path.name, sha256=net.sha256)
    return config.model_copy(update={"heatmaps": heatmaps}), net


def needed_net(weights: Path, config: GlvdConfig, path: Path | None) -> FrozenNet | None:
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
    return _opened(path, content, config)


def _opened(path: Path, content: bytes, config: GlvdConfig) -> FrozenNet:
    return open_net(path, content, config.image_px, config.threads)
