"""The fast score beside the slow and obvious one, on random heads in random poses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.metrics.benchmark import BenchmarkRow, Prediction, TruthHead, score
from tests.metrics import heads as toys
from tests.metrics.slow_scores import SlowTruth, slow_alignment, slow_score

MESH = toys.egg(3)
LANDMARKS = toys.landmark_vertices(toys.egg(3))


def random_head(rng: np.random.Generator) -> np.ndarray:
    """The egg with other proportions, bent a little."""
    vertices = MESH.vertices * rng.uniform(0.93, 1.07, 3)
    waves = np.sin(MESH.vertices @ rng.normal(0.0, 0.02, (3, 3)) + rng.uniform(0, 6, 3))
    return vertices + 2.0 * waves


def by_name(row: BenchmarkRow) -> dict[str, float] | None:
    if row.failure is not None:
        return None
    named = {
        name: getattr(row, name) for name in vars(row) if name.endswith(("_1mm", "_2mm", "_3mm"))
    }
    return {
        "forward_mm": row.face_scan_to_mesh_mm,
        "reverse_mm": row.reverse_face_mm,
        **named,
        "h3ds_face_mm": row.h3ds_face_mm,
        "h3ds_head_mm": row.h3ds_head_mm,
        **row.regions_mm,
    }


@settings(max_examples=4)
@given(
    seed=st.integers(0, 2**32 - 1),
    angles=st.tuples(*[st.floats(-3.0, 3.0)] * 3),
    noise_mm=st.sampled_from([0.0, 0.3, 3.0]),
    drawn_face=st.booleans(),
    size=st.sampled_from([1.0, 1.0, 1.0, 0.05, 2.5]),
)
def test_a_score_is_the_slow_one(
    seed: int, angles: tuple, noise_mm: float, drawn_face: bool, size: float
) -> None:
    rng = np.random.default_rng(seed)
    vertices = random_head(rng)
    region = np.flatnonzero(MESH.vertices[:, 2] > 10.0) if drawn_face else None
    truth = TruthHead("ada", vertices, MESH.faces[100:], vertices[LANDMARKS], h3ds_face=region)
    other = random_head(rng) + rng.normal(0.0, noise_mm, MESH.vertices.shape)
    other = toys.rigid(other, angles, size)
    given_ = other, MESH.faces[100:], other[LANDMARKS]
    row = score(truth, Prediction(*given_), system="toy", views=1, yaw_degrees=0.0)
    slow = SlowTruth(truth)
    found = None if row.heat is None else row.heat.transform.inverse()
    expected = slow_score(slow, *given_, found)
    assert by_name(row) == (expected and pytest.approx(expected, abs=1e-9, nan_ok=True))
    plain = slow_score(slow, *given_, slow_alignment(slow, *given_))
    assert (plain is None) == (row.failure is not None)
    if plain is not None:
        assert row.face_scan_to_mesh_mm <= plain["forward_mm"] + 0.05
