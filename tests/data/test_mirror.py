from dataclasses import replace

import numpy as np
import torch

from headwater.data.canonical import to_canonical
from headwater.data.crops import crop_views
from headwater.data.mirror import mirror_of
from headwater.data.scenes import Template
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.mirror import mirror_pairs
from headwater.heads.model import SurfacePoints
from tests.systems.toy_heads import toy_heads, toy_template, toy_views


def symmetric_template() -> Template:
    """The toy template with landmarks on vertices, in mirrored pairs where 68 are asked for."""
    template = toy_template()
    vertices = template.mean
    partner = mirror_pairs(vertices, 0.01)
    assert partner is not None
    rng = np.random.default_rng(0)
    left = rng.choice(np.flatnonzero(vertices[:, 0] > 1.0), 34, replace=False)
    chosen = np.concatenate([left, partner[left]])
    triangles = template.landmarks_478.triangles.copy()
    weights = template.landmarks_478.weights.copy()
    triangles[IBUG68_FROM_478] = chosen[:, None]
    weights[IBUG68_FROM_478] = [1.0, 0.0, 0.0]
    return replace(template, landmarks_478=SurfacePoints(triangles, weights))


def test_a_mirrored_crop_shows_the_mirrored_head() -> None:
    """Its projection puts the mirrored head's landmarks where the mirrored landmarks are."""
    template, heads = symmetric_template(), toy_heads(2, seed=0)
    views = toy_views(heads, 2, seed=1)
    for i, head in enumerate(views.head):
        camera = heads.vertices[head][template.landmarks_478.triangles[:, 0]] @ views.R[i].T
        pixels = (camera + views.t[i]) @ views.K[i].T
        views.landmarks_478_px[i] = pixels[:, :2] / pixels[:, 2:]
    origin = template.nose_bridge * np.array([0, 1, 1], np.float32)
    crops = crop_views(views, origin, 64, 280.0)
    targets = torch.from_numpy(to_canonical(heads.vertices, origin))
    mirror = mirror_of(template)
    assert mirror is not None
    both, doubled = mirror.crops(crops, len(targets)), mirror.heads(targets)
    assert (len(both), len(doubled)) == (8, 4)
    np.testing.assert_array_equal(both.pixels[4:], crops.pixels.flip(2))
    for i in range(4, 8):
        points = template.landmarks_68(doubled[both.head[i]].numpy())
        homogeneous = np.pad(points, ((0, 0), (0, 1)), constant_values=1.0)
        projected = homogeneous @ both.projection[i].numpy().T
        np.testing.assert_allclose(
            projected[:, :2] / projected[:, 2:], both.landmarks[i].numpy(), atol=0.02
        )
