"""Challenge ``heads``: images of a held-out head, with masks and cameras, to a surface.

The functions import what is heavy themselves, so that the challenge comes at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from headwater.artifacts.schemas import (
    CAMERAS,
    FRAMES,
    HEADS,
    LANDMARKS,
    MASKS,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.data.rejections import REJECTS
from headwater.evaluation.challenge import (
    Answerer,
    Challenge,
    Figures,
    Judged,
    Metric,
    Question,
    Score,
    Scored,
    Stratum,
)
from headwater.faces.vocabulary import FACE_PARTS, Part
from headwater.metrics.strata import (
    EXPRESSION_EDGES_MM,
    GIVEN,
    PITCH_EDGES_DEGREES,
    YAW_EDGES_DEGREES,
)

_PARTS = {part.name.lower(): part.title for part in FACE_PARTS if part is not Part.SKIN}
_RENDERED = (HEADS, SYNTHETIC_FRAMES, TRUTH, FRAMES, LANDMARKS)


def _questions(data: Path) -> Iterator[Question]:
    from headwater.evaluation.heads.trials import questions, read_all_cases

    return questions(read_all_cases(data))


def _count(data: Path) -> int:
    from headwater.evaluation.heads.trials import count_trials

    return count_trials(data)


def _score(question: Question, answer: Any) -> Scored:
    from headwater.evaluation.heads.table import score_answer

    return score_answer(question, answer)


def _baselines(data: Path) -> Mapping[str, Answerer]:
    from headwater.evaluation.heads.baselines import baselines

    return baselines(data)


def _figures(system: str, own: Sequence[Score], baselines: Sequence[Score]) -> Figures:
    from headwater.evaluation.heads.figures import figures
    from headwater.evaluation.heads.table import rows_of

    return figures(system, rows_of(own), rows_of(baselines))


def _extras(data: Path, out: Path, judged: Sequence[Judged], baselines: Sequence[Score]) -> Figures:
    from headwater.evaluation.heads.extras import write_extras

    return write_extras(data, out, judged, baselines)


def _photos(
    system: str, answer: Answerer, data: Path, out: Path, progress: Callable[[int], None] | None
) -> Figures:
    from headwater.evaluation.heads.photos import reconstruct_photos

    return reconstruct_photos(system, answer, data, out, progress)


def _chosen() -> tuple[str, ...]:
    from headwater.evaluation.heads.figures import CHOSEN

    return CHOSEN


def _yaw(conditions: Mapping[str, Any]) -> float | None:
    single = _given(conditions) and conditions["views"] == 1
    return abs(conditions["yaw_degrees"]) if single else None


def _pitch(conditions: Mapping[str, Any]) -> float | None:
    single = _given(conditions) and conditions["views"] == 1
    return conditions.get("pitch_degrees") if single else None


def _expression(conditions: Mapping[str, Any]) -> float | None:
    frontal = conditions["views"] == 1 and conditions["first_view"] == 0
    return conditions["expression_mm"] if _given(conditions) and frontal else None


def _views(conditions: Mapping[str, Any]) -> float | None:
    frontal = _given(conditions) and conditions["first_view"] == 0
    return conditions["views"] if frontal else None


def _given(conditions: Mapping[str, Any]) -> bool:
    return bool(conditions.get("camera", GIVEN) == GIVEN)


CHALLENGE = Challenge(
    name="heads",
    title="Heads",
    about="Images of a held-out head, to its surface: with exact masks and cameras (given), and of "
    "one image alone or several, as users have them (estimated).",
    metrics=(
        Metric("face_scan_to_mesh_mm", "face scan to mesh", "mm"),
        Metric("reverse_face_mm", "face mesh to scan", "mm"),
        Metric("f_score_1mm", "F-score at 1 mm", "", lower_is_better=False),
        Metric("f_score_2mm", "F-score at 2 mm", "", lower_is_better=False),
        Metric("f_score_3mm", "F-score at 3 mm", "", lower_is_better=False),
        Metric("h3ds_face_mm", "H3DS face", "mm"),
        Metric("h3ds_head_mm", "H3DS head", "mm"),
        Metric("nose_mm", "nose", "mm"),
        Metric("mouth_mm", "mouth", "mm"),
        Metric("forehead_mm", "forehead", "mm"),
        Metric("cheeks_mm", "cheeks", "mm"),
        Metric("chin_mm", "chin", "mm"),
        Metric("eyes_mm", "eyes", "mm"),
        Metric("free_mesh_mm", "free mesh, face scan to mesh", "mm"),
        Metric("free_mesh_reverse_mm", "free mesh, face mesh to scan", "mm"),
        Metric("part_iou", "Part IoU", "%", lower_is_better=False),
        *(
            Metric(f"{part}_iou", f"Part IoU, {words}", "%", lower_is_better=False)
            for part, words in _PARTS.items()
        ),
    ),
    listed=(
        Metric("estimated_face_scan_to_mesh_mm", "face scan to mesh, camera estimated", "mm"),
        Metric("given_face_scan_to_mesh_mm", "camera given", "mm"),
        Metric("estimated_less_given_mm", "difference", "mm"),
    ),
    questions=_questions,
    count=_count,
    score=_score,
    baselines=_baselines,
    reads=(*_RENDERED, MASKS, CAMERAS, *REJECTS),
    learns=_RENDERED,
    photographed=(FRAMES, LANDMARKS, MASKS, CAMERAS),
    strata=(
        Stratum("yaw", "yaw_degrees", _yaw, YAW_EDGES_DEGREES),
        Stratum("pitch", "pitch_degrees", _pitch, PITCH_EDGES_DEGREES),
        Stratum("expression", "expression_mm", _expression, EXPRESSION_EDGES_MM),
        Stratum("views", "views", _views),
    ),
    figures=_figures,
    chosen=_chosen,
    extras=_extras,
    photos=_photos,
)
