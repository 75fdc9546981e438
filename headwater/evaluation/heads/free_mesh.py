"""Scores of free meshes: what templates were registered to, judged like any other surface."""

from headwater.evaluation.heads.answer import HeadAnswer
from headwater.evaluation.heads.trials import Trial
from headwater.metrics.benchmark import FREE_MESH, Prediction


def free_mesh_scores(trial: Trial, answer: HeadAnswer) -> dict[str, float]:
    """Errors of an answer's free mesh, mm, each as ``FREE_MESH`` names it.

    Nothing where it has none, or one that cannot be aligned.
    """
    if answer.free is None:
        return {}
    row = trial.score(Prediction(*answer.free.arrays), "")
    if row.failure is not None:
        return {}
    return {name: getattr(row, error) for name, error in FREE_MESH.items()}
