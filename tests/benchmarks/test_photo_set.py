"""The set of photos: always the same, each with the whole head in it."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.photo_set import COUNT, SIDES_PX, variant, write_photo_set


def test_same_photos_in_every_run(tmp_path: Path) -> None:
    first = write_photo_set(tmp_path)
    data = [path.read_bytes() for path in first]
    assert len(first) == COUNT >= 48
    assert len(set(data)) == COUNT
    assert [path.read_bytes() for path in write_photo_set(tmp_path)] == data
    sides = [max(Image.open(path).size) for path in first]
    assert SIDES_PX[0] <= min(sides) <= max(sides) <= SIDES_PX[1]


def test_crops_keep_the_head() -> None:
    head = (40, 30, 60, 70)
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[30:70, 40:60] = 255
    rng = np.random.default_rng(0)
    for _ in range(20):
        made = np.asarray(variant(Image.fromarray(pixels), head, rng))
        light = (made[..., 0] > 127).sum() / made[..., 0].size
        area = made.shape[0] * made.shape[1]
        scale = np.sqrt(light * area / 800)
        width, height = made.shape[1] / scale, made.shape[0] / scale
        assert 19 <= width <= 101
        assert 39 <= height <= 101
