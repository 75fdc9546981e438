"""LVD's own space: heads in the axes of the first view's camera in place of canonical ones."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.spatial.transform import Rotation

from headwater.data.scenes import Views
from headwater.networks.vertex_descent.config import Answering, DescentConfig
from headwater.systems.glvd.config import GlvdConfig
from headwater.systems.lvd.answer import TrainedLvd, reconstruct
from headwater.systems.lvd.config import LvdConfig
from headwater.systems.lvd.train import build
from tests.systems.glvd.test_heatmaps import TEMPLATE, VIEWS, head_targets
from tests.systems.toy_heads import TOY_LVD

CAMERA = TOY_LVD.model_copy(
    update={
        "space": "camera",
        "template_prior": False,
        "most_views": 2,
        "answer": Answering(iterations=2),
    }
)


def looking(yaw_degrees: float) -> Views:
    """A toy view with its camera turned about the head, to compare cameras, not pictures."""
    turn = Rotation.from_euler("y", yaw_degrees, degrees=True).as_matrix()
    pose = (np.diag([1.0, -1.0, -1.0]) @ turn).astype(np.float32)
    view = VIEWS.choose(np.array([0]))
    bare = np.full_like(view.landmarks_478_px, np.nan)
    return replace(view, R=pose[None], t=np.float32([[0, 0, 800]]), landmarks_478_px=bare)


def test_only_what_is_not_seen_from_the_front_is_found_in_other_axes() -> None:
    """Without landmarks a view stands as its camera says; from the front both axes are the same."""
    targets = head_targets()
    network = build(CAMERA, targets, TEMPLATE, 3).eval()
    camera = TrainedLvd(network, CAMERA, TEMPLATE)
    canonical = TrainedLvd(network, CAMERA.model_copy(update={"space": "canonical"}), TEMPLATE)
    front, side = looking(0.0), looking(30.0)
    found = reconstruct(camera, front)[-1]
    np.testing.assert_allclose(found, reconstruct(canonical, front)[-1], atol=0.05)
    found = reconstruct(camera, side)[-1]
    assert np.abs(found - reconstruct(canonical, side)[-1]).max() > 1.0


def test_first_points_turn_with_the_camera() -> None:
    """No step made, the ball of first points has the axes of the first view's camera."""
    network = build(CAMERA, head_targets(), TEMPLATE, 3).eval()
    camera = TrainedLvd(network, CAMERA, TEMPLATE)
    front, side = (reconstruct(camera, looking(a))[0] for a in (0.0, 30.0))
    origin = TEMPLATE.nose_bridge
    turn = Rotation.from_euler("y", 30.0, degrees=True).as_matrix()
    np.testing.assert_allclose((side - origin) @ turn.T, front - origin, atol=0.05)


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (LvdConfig, {"template_prior": True}),
        (LvdConfig, {"start": "template"}),
        (GlvdConfig, {"landmark_features": 16}),
        (GlvdConfig, {"template_prior": True, "landmark_features": 0}),
    ],
)
def test_heads_that_are_known_before_are_canonical(
    kind: type[DescentConfig], known: dict[str, object]
) -> None:
    bare = {"space": "camera", "template_prior": False}
    if kind is GlvdConfig:
        bare["landmark_features"] = 0
    assert kind.model_validate(bare).space == "camera"
    with pytest.raises(ValidationError, match="space camera goes without"):
        kind.model_validate(bare | known)
