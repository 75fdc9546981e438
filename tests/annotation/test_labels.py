"""From votes to parts: recovery of known parts, mirror images, strays, hidden vertices."""

import numpy as np
import pytest

from headwater.annotation.labels import labels_of, mirror_pairs_of
from headwater.faces.vocabulary import FACE_PARTS, MIRRORED_PARTS, Part
from headwater.heads.model import HeadModel
from tests.annotation.known_parts import often_seen, painted_parts, true_votes
from tests.rendering.heads import ball_head

BALL = ball_head()
SIDES = (-35.0, 0.0, 35.0)


@pytest.fixture(scope="module")
def ball_votes() -> np.ndarray:
    return true_votes(BALL, 384, SIDES)


def overlap(found: np.ndarray, wanted: np.ndarray) -> float:
    return float((found & wanted).sum() / max((found | wanted).sum(), 1))


@pytest.mark.parametrize("name", ["anny", "ict"])
def test_a_faultless_parser_gives_95_percent_of_both_models_vertices(request, name: str) -> None:
    model: HeadModel = request.getfixturevalue(name)
    votes = true_votes(model, 384, SIDES)
    labels, known = labels_of(votes, model.mean, model.faces), painted_parts(model)
    shown = often_seen(votes, len(SIDES))
    assert (labels[shown] == known[shown]).mean() >= 0.95
    partner = mirror_pairs_of(model.mean)
    assert (partner != np.arange(len(partner))).mean() > 0.9
    for part in FACE_PARTS:
        mirrored = labels[partner] == MIRRORED_PARTS[part]
        assert overlap(labels == part, mirrored) >= 0.95, part
        assert overlap((labels == part)[shown], (known == part)[shown]) >= 0.6, part


def test_wrong_votes_in_a_third_of_the_renders_change_little(ball_votes: np.ndarray) -> None:
    clean = labels_of(ball_votes, BALL.mean, BALL.faces)
    rng = np.random.default_rng(1)
    noise = ball_votes[rng.permutation(len(ball_votes))]
    scale = ball_votes.sum(axis=1, keepdims=True) / np.maximum(noise.sum(axis=1, keepdims=True), 1)
    noisy = labels_of(2 * ball_votes + noise * scale, BALL.mean, BALL.faces)
    assert (noisy == clean).mean() > 0.99


def test_left_and_right_vote_together(ball_votes: np.ndarray) -> None:
    """A side of which no render knows anything has what the other side has."""
    half = ball_votes * (BALL.mean[:, :1] >= -0.5)
    found, both = (labels_of(votes, BALL.mean, BALL.faces) for votes in (half, ball_votes))
    assert (found == both).mean() > 0.99
    left = BALL.mean[:, 0] > 1
    assert set(found[~left]) == set(Part) - {Part.LEFT_EYE, Part.LEFT_BROW}


def test_a_stray_takes_the_part_around_it(ball_votes: np.ndarray) -> None:
    clean = labels_of(ball_votes, BALL.mean, BALL.faces)
    wrong = ball_votes.copy()
    cheek = np.linalg.norm(BALL.mean - np.array([45, -10, 88]), axis=1) < 8
    assert (clean[cheek] == Part.SKIN).all()
    wrong[cheek] = 0
    wrong[cheek, Part.NOSE] = 1.0
    np.testing.assert_array_equal(labels_of(wrong, BALL.mean, BALL.faces), clean)


def test_an_eyeball_is_an_eye_to_its_back(ball_votes: np.ndarray) -> None:
    labels = labels_of(ball_votes, BALL.mean, BALL.faces)
    eyeballs = np.unique(BALL.faces[BALL.surface == 1])
    left = BALL.mean[eyeballs, 0] > 0
    assert (labels[eyeballs[left]] == Part.LEFT_EYE).all()
    assert (labels[eyeballs[~left]] == Part.RIGHT_EYE).all()


def test_what_no_render_shows_has_no_part(ball_votes: np.ndarray) -> None:
    labels = labels_of(ball_votes, BALL.mean, BALL.faces)
    assert not labels[BALL.mean[:, 2] < -10].any()
    assert not labels_of(np.zeros_like(ball_votes), BALL.mean, BALL.faces).any()


def test_an_uneven_mesh_is_labelled_side_by_side(ball_votes: np.ndarray) -> None:
    """Without mirror partners each vertex has its own votes alone."""
    uneven = BALL.mean + np.random.default_rng(2).uniform(3, 6, BALL.mean.shape)
    assert (mirror_pairs_of(uneven) == np.arange(len(uneven))).mean() > 0.9
    labels = labels_of(ball_votes, uneven.astype(np.float32), BALL.faces)
    same = labels == labels_of(ball_votes, BALL.mean, BALL.faces)
    assert same.mean() > 0.99
