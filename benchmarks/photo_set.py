"""Photos for timing: crops, flips and scales of the built-in portraits, the same in every run."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from headwater.photos.builtin import PORTRAITS

SEED = 2024
# Left, top, right, bottom of the head, px, which every crop keeps.
HEADS = {"astronaut.png": (150, 20, 300, 230), "grace_hopper.jpg": (150, 40, 380, 360)}


@dataclass(frozen=True)
class PhotoSet:
    """Number of photos and range of their longer sides, px."""

    count: int
    sides_px: tuple[int, int]


WEB = PhotoSet(48, (480, 1600))
PHONE = PhotoSet(12, (3000, 4000))


def write_photo_set(folder: Path, wanted: PhotoSet) -> list[Path]:
    """Write a set of JPEG photos into ``folder``; half of each portrait."""
    rng = np.random.default_rng(SEED)
    paths = []
    for number in range(wanted.count):
        portrait = PORTRAITS[number % len(PORTRAITS)]
        with Image.open(io.BytesIO(portrait.data())) as image:
            made = variant(image.convert("RGB"), HEADS[portrait.name], wanted.sides_px, rng)
        path = folder / f"photo-{number:02d}.jpg"
        made.save(path, "JPEG", quality=92)
        paths.append(path)
    return paths


def variant(
    image: Image.Image,
    head: tuple[int, int, int, int],
    sides_px: tuple[int, int],
    rng: np.random.Generator,
) -> Image.Image:
    """A random crop that keeps the head, perhaps mirrored, its longer side within ``sides_px``."""
    left, top = rng.uniform(0, head[0]), rng.uniform(0, head[1])
    right, bottom = rng.uniform(head[2], image.width), rng.uniform(head[3], image.height)
    crop = image.crop((round(left), round(top), round(right), round(bottom)))
    if rng.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = rng.uniform(*sides_px) / max(crop.size)
    size = (round(crop.width * scale), round(crop.height * scale))
    return crop.resize(size, Image.Resampling.BICUBIC)
