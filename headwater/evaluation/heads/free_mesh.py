"""Scores of free meshes, the surfaces to which templates were registered."""

from headwater.evaluation.heads.answer import HeadAnswer
from headwater.evaluation.heads.trials import Trial
from headwater.metrics.benchmark import FREE_MESH, Prediction


def free_mesh_scores(trial: Trial, answer: HeadAnswer) -> dict[str, float]:
    """Errors of an answer's free mesh, mm, by their names in ``FREE_MESH``.

    Empty where it has no free mesh, or one that cannot be aligned.
    """
    if answer.free is None:
        return {}
    row = trial.score(Prediction(*answer.free.arrays), "")
    if row.failure is not None:
        return {}
    return {name: getattr(row, error) for name, error in FREE_MESH.items()}
