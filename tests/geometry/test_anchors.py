"""Anchors on a surface: shares that sum to one, closer together where they are wanted dense."""

import numpy as np
import trimesh

from headwater.geometry.anchors import anchor_shares

BALL = trimesh.creation.icosphere(subdivisions=3).vertices * 100.0


def test_shares_sum_to_one_and_every_anchor_rules_its_own_vertex() -> None:
    shares = anchor_shares(BALL, 12, np.zeros(len(BALL), bool))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-5)
    anchors = shares.argmax(axis=0)
    assert len(set(anchors.tolist())) == 12
    assert (shares[anchors].argmax(axis=1) == np.arange(12)).all()


def test_a_share_falls_with_the_distance_to_its_anchor() -> None:
    """Of two vertices, the nearer to an anchor has the larger weight before normalising."""
    shares = anchor_shares(BALL, 5, np.zeros(len(BALL), bool)).astype(np.float64)
    anchors = shares.argmax(axis=0)
    distance = np.linalg.norm(BALL[:, None] - BALL[anchors][None], axis=2)
    spread = np.linalg.norm(BALL[anchors][:, None] - BALL[anchors][None], axis=2)
    sigma = np.where(np.eye(5, dtype=bool), np.inf, spread).min(axis=1)
    expected = np.exp(-0.5 * (distance / sigma) ** 2) + 1e-12
    np.testing.assert_allclose(shares, expected / expected.sum(axis=1, keepdims=True), atol=1e-6)


def test_anchors_lie_closer_where_they_are_dense() -> None:
    right = BALL[:, 0] > 0
    for dense, more in ((right, True), (~right, False)):
        anchors = anchor_shares(BALL, 60, dense).argmax(axis=0)
        assert (right[anchors].mean() > 0.6) == more
