"""The table of changed photos, on heads that are known instead of reconstructed."""

import numpy as np
import pytest
import trimesh

from benchmarks.same_face import distance_mm, table

MEAN = trimesh.creation.icosphere(subdivisions=3, radius=90).vertices.astype(np.float32)


def test_distance_is_rigid_and_in_mm() -> None:
    rows = np.flatnonzero(MEAN[:, 2] > 0)
    turn = trimesh.transformations.rotation_matrix(0.7, [1, 2, 3])[:3, :3]
    moved = (MEAN @ turn.T + [5, -3, 2]).astype(np.float32)
    assert distance_mm(MEAN, moved, rows) == pytest.approx(0, abs=1e-3)
    bent = MEAN.copy()
    bent[rows[::2], 2] += 1
    assert 0.2 < distance_mm(bent, MEAN, rows) < 0.5


def test_the_table_compares_every_variant_with_its_own_photo() -> None:
    """Heads that go by a picture's brightness alone: only what changes that moves them."""
    dark, light = (np.full((60, 50, 3), level, np.uint8) for level in (60, 120))

    def head_of(picture: np.ndarray) -> np.ndarray | None:
        if picture.shape[0] < 40:
            return None
        level = float(np.median(picture))
        stretch = np.array([1, 1 + level / 1000, 1], np.float32)
        return (MEAN * stretch).astype(np.float32)

    def parted(head: np.ndarray) -> float:
        return float(head[:, 1].max()) - 92.0

    first, lips, *lines = table([dark, light], head_of, MEAN, parted)
    assert first.startswith("between people: mean ")
    assert lips == "lips parted: mean 6.1 %, 3.4 to 8.8"
    rows = {line[:24].strip(): line[24:].split() for line in lines}
    assert len(rows) == 27
    assert "half size" not in rows
    assert rows["grey"] == [
        "mean",
        "0.00",
        "mm",
        "worst",
        "0.00",
        "own",
        "head",
        "nearest",
        "2",
        "of",
        "2",
    ]
    assert rows["mirrored"] == rows["double size"] == rows["grey"]
    # Half of 120 is 60: the light photo darkened is the dark one.
    assert rows["half as bright"][-3:] == ["1", "of", "2"]
    assert float(rows["half as bright"][4]) > 1
