"""One bad item: it takes neither its bucket nor other stages with it, and is tried again."""

import re
import sys
from collections.abc import Callable

import pytest

from headwater.artifacts.schemas import rejects_schema
from headwater.artifacts.tables import read_table
from tests.flows.conftest import ToyProject
from tests.flows.test_kill import PATIENCE_SECONDS, wait_for

# Troubles of the moment, as long as the file named by TROUBLE is there.
TROUBLE = "trouble"
BAD_ITEMS = f"""
    with Path("computed").open("a") as file:
        file.write(f"{{value}}\\n")
    if Path("{TROUBLE}").exists():
        if value == 7:
            ctypes.string_at(0)
        if value == 13:
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
            bytearray(8 << 30)
        if value == 24:
            raise ItemRejected("changed", "The number is another one.")
"""


@pytest.fixture
def troubled(copy_of_built: Callable[[], ToyProject]) -> ToyProject:
    """The toy project, not built, with three items that cannot be computed for now."""
    project = copy_of_built()
    project.forget()
    project.edit("numbers", "import os\n", "import ctypes\nimport os\nimport resource\n")
    project.edit("numbers", "    if value % 10 == 9:\n", f"{BAD_ITEMS}    if value % 10 == 9:\n")
    (project.path / TROUBLE).touch()
    return project


def rejected(project: ToyProject) -> dict[str, str]:
    """Reasons by name of the numbers that were rejected, those of the nines left out."""
    rows = read_table(project.path / "data", rejects_schema("numbers")).to_pylist()
    return {row["name"]: row["reason"] for row in rows if row["reason"] != "nine"}


def computed(project: ToyProject) -> list[int]:
    """Numbers that were computed since the last call, each as often as it was."""
    path = project.path / "computed"
    numbers = sorted(map(int, path.read_text().split()))
    path.unlink()
    return numbers


BAD = {"number 7": "crashed", "number 13": "out_of_memory", "number 24": "changed"}
KINDS = "changed 1, crashed 1, out_of_memory 1"
COUNTS = r"33 items, 7 rejected: changed 1, crashed 1, nine 4, out_of_memory 1"


@pytest.mark.slow
@pytest.mark.fault("an item that kills its worker is one reject, tried again by the next build")
def test_items_that_kill_their_worker_are_rejected_and_taken_up_by_the_next_build(
    troubled: ToyProject,
) -> None:
    done = troubled.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(
        rf"^numbers +{COUNTS}; 3 left for the next `make repro` ", done.stdout, re.MULTILINE
    )
    assert re.search(
        r"^numbers: 3 items were left \(changed 1, crashed 1, out_of_memory 1\); "
        r"the next `make repro` tries again$",
        done.stdout,
        re.MULTILINE,
    )
    assert rejected(troubled) == BAD
    (troubled.path / TROUBLE).unlink()
    assert troubled.dvc("status", "--quiet").returncode == 0
    done = troubled.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert "left" not in done.stdout
    assert rejected(troubled) == {}
    mended = troubled.bytes()
    troubled.forget()
    done = troubled.dvc("repro", "--quiet")
    assert done.returncode == 0, done.stderr
    assert mended == troubled.bytes()


@pytest.mark.fault("an item that kills its worker is one reject, tried again by the next build")
@pytest.mark.slow
def test_items_left_by_dvc_alone_are_taken_up_by_the_next_build(
    troubled: ToyProject,
) -> None:
    done = troubled.dvc("repro")
    assert done.returncode == 0, done.stderr
    assert re.search(rf"{COUNTS}; 3 left for the next", done.stdout)
    assert rejected(troubled) == BAD
    (troubled.path / TROUBLE).unlink()
    done = troubled.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert rejected(troubled) == {}


@pytest.mark.fault("an item that kills its worker is one reject, tried again by the next build")
@pytest.mark.slow
def test_items_that_stay_bad_are_named_by_every_build_and_change_nothing(
    troubled: ToyProject,
) -> None:
    assert troubled.flow().returncode == 0
    first = troubled.bytes()
    done = troubled.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert "numbers: 3 items were left" in done.stdout
    assert troubled.bytes() == first


@pytest.mark.slow
@pytest.mark.fault("an item that kills its worker is one reject, tried again by the next build")
def test_items_that_were_left_are_tried_again_alone(troubled: ToyProject) -> None:
    retry = (sys.executable, "-m", "headwater.cli", "retry")
    assert troubled.flow().returncode == 0
    assert len(computed(troubled)) > 40
    first = troubled.bytes()
    # Twice together, then twice by halves: the other 37 numbers stand.
    done = troubled.run(*retry)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"numbers: {COUNTS}; 3 left for the next `make repro`",
        f"numbers: 3 items were left ({KINDS}); the next `make repro` tries again",
    ]
    assert set(computed(troubled)) == {7, 13, 24}
    assert troubled.bytes() == first
    (troubled.path / TROUBLE).unlink()
    status = troubled.run(sys.executable, "-m", "headwater.cli", "status")
    assert status.stdout.startswith("numbers: 3 of 4 buckets: 3 items to try again (changed 1, ")
    done = troubled.run(*retry)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "numbers: 36 items, 4 rejected: nine 4",
        "`headwater status` says what follows from that, `make repro` builds it",
    ]
    assert computed(troubled) == [7, 13, 24]
    assert troubled.dvc("status", "--quiet", "numbers").returncode == 0
    assert troubled.run(*retry).stdout == "no items are left to try again\n"
    assert troubled.flow().returncode == 0
    mended = troubled.bytes()
    troubled.forget()
    assert troubled.dvc("repro", "--quiet").returncode == 0
    assert mended == troubled.bytes()


@pytest.mark.slow
@pytest.mark.fault("a killed status or retry leaves no process, and the build as it was")
@pytest.mark.parametrize(
    ("victim", "while_there_is"),
    [
        ("headwater.cli", "tasks.worker"),
        ("flows.retry", "tasks.worker"),
        ("flows.retry", "flows.dvc_process"),
        ("flows.dvc_process", "-m tasks."),
        ("-m tasks.", "-m tasks."),
    ],
)
def test_killed_retry_leaves_no_process_and_can_be_repeated(
    troubled: ToyProject, victim: str, while_there_is: str
) -> None:
    assert troubled.dvc("repro", "--quiet").returncode == 0
    (troubled.path / TROUBLE).unlink()
    retry = (sys.executable, "-m", "headwater.cli", "retry")
    process = troubled.start(*retry, seconds=1)
    wait_for(troubled, while_there_is)
    wait_for(troubled, victim).kill()
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode != 0
    assert troubled.left_over() == []
    troubled.wait_for_locks()
    done = troubled.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert rejected(troubled) == {}
    mended = troubled.bytes()
    troubled.forget()
    assert troubled.dvc("repro", "--quiet").returncode == 0
    assert mended == troubled.bytes()


@pytest.mark.slow
def test_a_stage_that_is_out_of_date_is_not_retried(troubled: ToyProject) -> None:
    assert troubled.dvc("repro").returncode == 0
    troubled.set(seed=8)
    done = troubled.run(sys.executable, "-m", "headwater.cli", "retry")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "numbers: is out of date; `make repro` tries its items again, too\n"
    )
    assert rejected(troubled) == BAD
