"""Scores per second on heads of the model, beside the slow way of the tests."""

from functools import cache

import numpy as np

from benchmarks.head import head_model
from benchmarks.outcome import Figure, Outcome
from benchmarks.timing import digits, ratio, take_turns
from headwater.evaluation.heads.trials import skin
from headwater.heads.sampling import sample_expression, sample_shape
from headwater.metrics.benchmark import Prediction, TruthHead, score
from tests.metrics.slow_scores import SlowTruth, slow_alignment, slow_score

HEADS = 3
ROUGHNESS_MM = 1.0
ROUNDS = 5
GOAL = 4.0
TOLERANCE_MM = 0.01


def measure() -> Outcome:
    """Compare both on the same predictions in turns."""
    truths, predictions = heads()
    slow_truths = [SlowTruth(truth) for truth in truths]
    faces = skin(head_model())

    def ours() -> list[float]:
        return [_face_mm(truth, vertices) for truth in truths for vertices in predictions]

    def slow() -> list[float]:
        landmarks = head_model().landmarks_478
        given = [(vertices, faces, landmarks.on(vertices)) for vertices in predictions]
        scores = [
            slow_score(truth, *one, slow_alignment(truth, *one))
            for truth in slow_truths
            for one in given
        ]
        return [np.nan if found is None else found["forward_mm"] for found in scores]

    apart = float(np.abs(np.array(ours()) - slow()).max())
    if not apart < TOLERANCE_MM:
        raise AssertionError(f"the two ways differ by {apart} mm")
    rates = take_turns({"ours": lambda: len(ours()), "slow": lambda: len(slow())}, ROUNDS)
    return Outcome(
        "scores",
        (
            Figure("our scores", "per second", rates["ours"]),
            Figure("slow scores", "per second", rates["slow"]),
            Figure("ours to slow", "times", ratio(rates["ours"], rates["slow"]), GOAL),
        ),
        {
            "score": "both protocols, the reverse distance and the regions of one predicted head",
            "heads": (
                f"{HEADS} heads drawn from the model, beside each {len(predictions)} predictions: "
                f"other heads, half of them with {ROUGHNESS_MM} mm of noise at every vertex"
            ),
            "slow": (
                "point-to-point ICP on points of the prediction at most 1 mm apart; nearest small "
                "pieces of the surface, ever more of them until none can be nearer; each H3DS "
                "region aligned by itself"
            ),
            "largest difference": f"{digits(apart, 2)} mm",
        },
    )


@cache
def heads() -> tuple[list[TruthHead], list[np.ndarray]]:
    """True heads and predicted vertices (V, 3) mm, drawn from the head model."""
    model, rng = head_model(), np.random.default_rng(0)
    drawn = [
        model.vertices(sample_shape(model, rng), sample_expression(model, rng))
        for _ in range(2 * HEADS)
    ]
    truths = [
        TruthHead(str(number), vertices, skin(model), model.landmarks_478.on(vertices))
        for number, vertices in enumerate(drawn[:HEADS])
    ]
    smooth = drawn[HEADS:]
    rough = [head + rng.normal(0.0, ROUGHNESS_MM, head.shape).astype(np.float32) for head in smooth]
    return truths, [*smooth, *rough]


def _face_mm(truth: TruthHead, vertices: np.ndarray) -> float:
    model = head_model()
    prediction = Prediction(vertices, skin(model), model.landmarks_478.on(vertices))
    return score(truth, prediction, system="ours", views=1, yaw_degrees=0.0).face_scan_to_mesh_mm
