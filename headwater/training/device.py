"""Where networks are trained and asked: the CPU, or a CUDA device where there is one."""

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
