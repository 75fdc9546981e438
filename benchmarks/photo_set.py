"""Photos for timing: crops, flips and scales of the built-in portraits, the same in every run."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from headwater.photos.builtin import PORTRAITS

SEED = 2024
COUNT = 48
# Left, top, right, bottom of the head, px, which every crop keeps.
HEADS = {"astronaut.png": (150, 20, 300, 230), "grace_hopper.jpg": (150, 40, 380, 360)}
SIDES_PX = (480, 1600)


def write_photo_set(folder: Path) -> list[Path]:
    """Write ``COUNT`` JPEG photos into ``folder``; half of each portrait."""
    rng = np.random.default_rng(SEED)
    paths = []
    for number in range(COUNT):
        portrait = PORTRAITS[number % len(PORTRAITS)]
        with Image.open(io.BytesIO(portrait.data())) as image:
            made = variant(image.convert("RGB"), HEADS[portrait.name], rng)
        path = folder / f"photo-{number:02d}.jpg"
        made.save(path, "JPEG", quality=92)
        paths.append(path)
    return paths


def variant(
    image: Image.Image, head: tuple[int, int, int, int], rng: np.random.Generator
) -> Image.Image:
    """A random crop that keeps the head, perhaps mirrored, with its longer side in ``SIDES_PX``."""
    left, top = rng.uniform(0, head[0]), rng.uniform(0, head[1])
    right, bottom = rng.uniform(head[2], image.width), rng.uniform(head[3], image.height)
    crop = image.crop((round(left), round(top), round(right), round(bottom)))
    if rng.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = rng.uniform(*SIDES_PX) / max(crop.size)
    size = (round(crop.width * scale), round(crop.height * scale))
    return crop.resize(size, Image.Resampling.BICUBIC)
