"""Votes of a render: against one vertex and one pixel after the other, and what is hidden."""

import numpy as np
import pytest

from headwater.annotation.votes import view_votes
from headwater.faces.vocabulary import Part
from headwater.geometry.cameras import Camera, project
from headwater.geometry.rasterise import rasterise
from headwater.rendering.calibrate_landmarks import view_camera
from headwater.rendering.tracing import vertex_normals
from tests.rendering.heads import ball_head

BALL = ball_head()


def slow_votes(labels: np.ndarray, vertices: np.ndarray, camera: Camera) -> np.ndarray:
    """One vertex after the other, then one pixel after the other."""
    pixels, depth = project(camera, vertices)
    shown = rasterise(pixels, depth, BALL.faces, camera.width, camera.height)
    normals = vertex_normals(vertices, BALL.faces)
    counts = np.zeros((len(vertices), len(Part)))
    cosines = np.zeros(len(vertices))
    for vertex, (x, y) in enumerate(pixels):
        ray = vertices[vertex] - camera.centre
        cosine = -normals[vertex] @ ray / np.linalg.norm(ray)
        if not (0 <= x < camera.width and 0 <= y < camera.height) or cosine <= 0.25:
            continue
        row, column = int(y), int(x)
        fall = np.sqrt(1 - cosine**2) / cosine * depth[vertex] / camera.K[0, 0]
        if depth[vertex] > shown.depth[row, column] + 0.3 + fall:
            continue
        cosines[vertex] = cosine
        counts[vertex, labels[row, column]] += 1
    for row in range(camera.height):
        for column in range(camera.width):
            if shown.triangle[row, column] >= 0:
                corners = BALL.faces[shown.triangle[row, column]]
                nearest = corners[shown.weights[row, column].argmax()]
                if cosines[nearest]:
                    counts[nearest, labels[row, column]] += 1
    return counts * cosines[:, None] / np.maximum(counts.sum(axis=1, keepdims=True), 1)


@pytest.mark.parametrize("yaw", [0.0, -35.0])
def test_votes_are_those_counted_one_by_one(yaw: float) -> None:
    camera = view_camera(yaw, 10.0, 96)
    labels = np.random.default_rng(0).integers(0, len(Part), (96, 96)).astype(np.uint8)
    votes = view_votes(labels, BALL.mean, BALL.faces, camera)
    np.testing.assert_allclose(votes, slow_votes(labels, BALL.mean, camera), atol=1e-5)


def test_what_the_picture_hides_does_not_vote() -> None:
    camera = view_camera(0.0, 0.0, 384)
    labels = np.full((384, 384), Part.NOSE, np.uint8)
    votes = view_votes(labels, BALL.mean, BALL.faces, camera)
    voted = votes.sum(axis=1) > 0
    assert voted.any()
    assert (BALL.mean[voted, 2] > 0).all()
    # The halves of the eyeballs inside the ball.
    inside = np.linalg.norm(BALL.mean, axis=1) < 96
    assert inside.any()
    assert not voted[inside].any()
    assert not votes[:, : Part.NOSE].any()


def test_a_vertex_votes_with_the_cosine_at_which_it_is_seen() -> None:
    camera = view_camera(0.0, 0.0, 128)
    votes = view_votes(np.zeros((128, 128), np.uint8), BALL.mean, BALL.faces, camera)
    towards = camera.centre - BALL.mean
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    cosine = (vertex_normals(BALL.mean, BALL.faces) * towards).sum(axis=1)
    weight = votes.sum(axis=1)
    np.testing.assert_allclose(weight[weight > 0], cosine[weight > 0], atol=1e-5)
    assert weight[weight > 0].min() > 0.25
