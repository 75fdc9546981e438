"""Cameras of the canonical space."""

import numpy as np
from scipy.spatial.transform import Rotation

from headwater.data.canonical import canonical_projection


def test_rigidly_moving_the_world_changes_nothing_canonical() -> None:
    """Test 7: cameras are relative to the head, so moving both leaves the projection as it was."""
    rng = np.random.default_rng(0)
    rotation = np.diag([1.0, -1.0, -1.0])
    translation, origin = np.array([3.0, 4.0, 800.0]), np.array([0.0, 30.0, 95.0])
    turn, shift = Rotation.random(random_state=rng).as_matrix(), rng.normal(0, 100, 3)
    moved_rotation = rotation @ turn.T
    moved_translation = translation - moved_rotation @ shift
    point = np.array([0.2, -0.4, 0.3])
    world = turn @ (100 * point + origin) + shift
    here = canonical_projection(np.eye(3), rotation, translation, origin) @ [*point, 1.0]
    np.testing.assert_allclose((moved_rotation @ world + moved_translation) / 100, here, atol=1e-9)
