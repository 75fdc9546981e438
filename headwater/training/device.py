"""The devices that networks are trained and used on: the CPU, or CUDA devices if there are any."""

import os
from dataclasses import dataclass
from typing import Final, Literal

import torch

from headwater.errors import HeadwaterError

CPU: Final = torch.device("cpu")


def chosen_device(name: Literal["cpu", "cuda"], key: str) -> torch.device:
    """The device that the parameter ``key`` names. Raises HeadwaterError where it is not there."""
    if name == "cuda" and not torch.cuda.is_available():
        raise HeadwaterError(
            f"{key} is 'cuda', but torch {torch.__version__} finds no CUDA device; set it to cpu, "
            "or install torch with CUDA on a machine that has one"
        )
    return torch.device(name)


@dataclass(frozen=True)
class Devices:
    """kind and number of devices, and the precision of products of matrices there."""

    kind: Literal["cpu", "cuda"]
    count: int
    precision: Literal["32", "bf16"]


def chosen_devices(
    kind: Literal["cpu", "cuda"], count: int, precision: Literal["32", "bf16"], key: str
) -> Devices:
    """The devices that the parameters below ``key`` name; count 0 is every GPU, or one CPU process.

    Raises HeadwaterError where they are not there, or do not have the precision.
    """
    chosen_device(kind, f"{key}.device")
    there = torch.cuda.device_count() if kind == "cuda" else os.cpu_count() or 1
    if count > there:
        name = "CUDA devices" if kind == "cuda" else "CPU cores"
        raise HeadwaterError(
            f"{key}.devices is {count}, but there are {there} {name} here; set it to at most "
            f"{there}, or to 0 for all GPUs that are there"
        )
    if precision == "bf16" and kind == "cpu":
        raise HeadwaterError(
            f"{key}.precision is 'bf16', which only speeds up training on GPUs; set it to '32', or "
            f"{key}.device to cuda"
        )
    return Devices(kind, count or (there if kind == "cuda" else 1), precision)
