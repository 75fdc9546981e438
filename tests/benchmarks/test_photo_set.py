"""The set of photos: always the same, each with the whole head in it."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.photo_set import PHONE, WEB, PhotoSet, variant, write_photo_set


def test_same_photos_in_every_run(tmp_path: Path) -> None:
    wanted = PhotoSet(12, (300, 500))
    first = write_photo_set(tmp_path, wanted)
    data = [path.read_bytes() for path in first]
    assert len(set(data)) == len(first) == 12
    assert [path.read_bytes() for path in write_photo_set(tmp_path, wanted)] == data
    sides = [max(Image.open(path).size) for path in first]
    assert 300 <= min(sides) <= max(sides) <= 500


def test_sizes_of_the_benchmark() -> None:
    assert WEB.count >= 48
    assert WEB.sides_px[1] < PHONE.sides_px[0]


def test_crops_keep_the_head() -> None:
    head = (40, 30, 60, 70)
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[30:70, 40:60] = 255
    rng = np.random.default_rng(0)
    for _ in range(20):
        made = np.asarray(variant(Image.fromarray(pixels), head, (480, 1600), rng))
        light = (made[..., 0] > 127).sum() / made[..., 0].size
        area = made.shape[0] * made.shape[1]
        scale = np.sqrt(light * area / 800)
        width, height = made.shape[1] / scale, made.shape[0] / scale
        assert 19 <= width <= 101
        assert 39 <= height <= 101
