"""A colleague's first rebuild computes nothing after `headwater adopt`."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from headwater.artifacts.ids import item_id
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.schemas import PHOTOS
from headwater.cli import main
from headwater.config import Params, load_params
from headwater.pipeline.adopt import adopt
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import assemble, cache_for, compute_bucket, missing_buckets
from headwater.pipeline.step import Item, Result, Step, Work
from tests.artifacts.small_build import row_of

PROJECT = Path(__file__).resolve().parents[2]
ITEMS = [item_id("photo", n) for n in range(9)]


def sources(params: Params, project: Path) -> list[Item]:
    return [Item(item, item, f"{item}.png") for item in ITEMS]


def compute(work: Work, result: Result) -> None:
    for item in work.items:
        row = row_of(PHOTOS, item.item, item.subject, file_name=item.name)
        result.add(PHOTOS, row)


STEP = Step(
    name="photos",
    version=1,
    inputs=(),
    outputs=(PHOTOS,),
    settings=lambda params: {},
    compute=compute,
    sources=sources,
)


def project_at(folder: Path) -> tuple[Params, Path]:
    folder.mkdir()
    shutil.copy(PROJECT / "params.yaml", folder)
    return load_params(folder / "params.yaml"), folder


def build(params: Params, project: Path) -> int:
    """Assemble the step; the number of buckets that had to be computed."""
    computed: list[Planned] = []

    def compute_all(missing: list[Planned]) -> Iterable[None]:
        for planned in missing:
            computed.append(planned)
            yield compute_bucket(STEP, params, project, planned)

    assemble(STEP, params, project, compute_all)
    write_manifest(project / "data" / "photos")
    return len(computed)


@pytest.fixture
def clone(tmp_path: Path) -> tuple[Params, Path]:
    """A second project with the data of a first one, as after `dvc pull`."""
    params, first = project_at(tmp_path / "first")
    assert build(params, first) > 3
    params, second = project_at(tmp_path / "second")
    shutil.copytree(first / "data", second / "data")
    return params, second


def test_after_adopting_nothing_is_computed(clone: tuple[Params, Path]) -> None:
    params, project = clone
    before = {path: path.read_bytes() for path in (project / "data").rglob("*.parquet")}
    missing = len(missing_buckets(STEP, params, project))
    assert missing > 3
    taken = adopt(project / "data", cache_for(params, project))
    assert (taken.new, taken.known, taken.damaged) == (missing, 0, ())
    assert missing_buckets(STEP, params, project) == []
    assert build(params, project) == 0
    assert {path: path.read_bytes() for path in before} == before
    again = adopt(project / "data", cache_for(params, project))
    assert (again.new, again.known) == (0, missing)


def test_damaged_and_incomplete_buckets_are_left_out(clone: tuple[Params, Path]) -> None:
    params, project = clone
    flipped, lost, *_ = sorted((project / "data" / "photos" / "photos").glob("*.parquet"))
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 4
    flipped.write_bytes(data)
    lost.unlink()
    taken = adopt(project / "data", cache_for(params, project))
    assert len(taken.damaged) == 2
    assert flipped.name in taken.damaged[0]
    assert lost.name in taken.damaged[1]
    assert build(params, project) == 2


def test_the_command_says_what_it_did(
    clone: tuple[Params, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, project = clone
    with pytest.raises(SystemExit) as end:
        main(["adopt", "--data", str(project / "data"), "--project", str(project)])
    assert end.value.code == 0
    assert "buckets adopted, 0 known already, 0 left out" in capsys.readouterr().out
