"""Step "landmarks": 478 and 68 landmarks of every frame, and its aspect ratios."""

from headwater.artifacts.landmark_rows import MESH_COLUMNS, mesh_columns, mesh_of
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import FRAMES, LANDMARKS
from headwater.artifacts.tables import Row
from headwater.faces.aspect_ratios import aspect_ratios
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.pipeline.step import Input, Result, Step, Work
from tasks.command import run


def compute(work: Work, result: Result) -> None:
    """Name the landmarks of every frame of the bucket."""
    rows = work.by_item(FRAMES)
    for item in work.items:
        with result.rejecting(item):
            result.add(LANDMARKS, _landmark_row(rows[item.item]))


def _landmark_row(row: Row) -> Row:
    mesh = mesh_of(row)
    ratios = aspect_ratios(mesh[:, :2])
    return {
        **origin(row),
        "landmarks_68_px": mesh[IBUG68_FROM_478, :2].ravel().tolist(),
        **mesh_columns(mesh),
        "eye_left": ratios.eye_left,
        "eye_right": ratios.eye_right,
        "mouth": ratios.mouth,
    }


STEP = Step(
    name="landmarks",
    version=1,
    inputs=(Input(FRAMES, (*ORIGIN_COLUMNS, *MESH_COLUMNS)),),
    outputs=(LANDMARKS,),
    settings=lambda params: {},
    compute=compute,
)

if __name__ == "__main__":
    run(STEP)
