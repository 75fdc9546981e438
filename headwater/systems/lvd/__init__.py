"""LVD: learned vertex descent without keypoints (Corona et al., ECCV 2022), on the same heads."""

from headwater.descent.config import SIZES, without_keypoints
from headwater.descent.system import answer, load, prepared, steps, train
from headwater.systems.system import System

SYSTEM = System(
    name="lvd",
    title="LVD",
    reference="https://arxiv.org/abs/2205.06254",
    challenge="heads",
    sizes={size: without_keypoints(config) for size, config in SIZES.items()},
    steps=steps,
    train=train,
    load=load,
    answer=answer,
    prepared=prepared,
)
