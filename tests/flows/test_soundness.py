"""``make repro`` never builds upon, shows or calls checked what is not as it was recorded."""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.dvc_locks import mend_rwlock
from headwater.upkeep.repair import read_record
from tests.flows.conftest import ToyProject
from tests.upkeep.test_repair import flip

Copies = Callable[[], ToyProject]
SOUND = r"everything is up to date, all files checked in .*\n"


def object_of(project: ToyProject, name: str) -> Path:
    record = read_record(project.path)
    return record.objects.path(record.files[name][0])


def without_time_to_check(project: ToyProject) -> None:
    path = project.path / "flows" / "soundness.py"
    text = path.read_text().replace("SECONDS = 1.0", "SECONDS = 0.0")
    assert "SECONDS = 0.0" in text
    path.write_text(text)


@pytest.mark.fault(
    "rot in the data that DVC does not see is found, and nothing else is called checked"
)
def test_rot_that_dvc_does_not_see_is_found_and_restored(copy_of_built: Copies) -> None:
    project = copy_of_built()
    before = project.bytes()
    # DVC hashes what is new to it once, and from then on believes its notes.
    assert project.dvc("status", "--quiet").returncode == 0
    chance = random.Random(1)
    name = "data/doubles/values/bucket-001.parquet"
    other = "data/squares/values/bucket-002.parquet"
    flip(project.path / name, chance)
    flip(object_of(project, other), chance)
    assert project.dvc("status", "--quiet").returncode == 0
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    *damage, last = done.stdout.splitlines(keepends=True)
    assert sorted(damage) == [
        f"{name}: it was damaged; restored from DVC's cache\n",
        f"{other}: its copy in DVC's cache was damaged; restored from {other}\n",
    ]
    assert re.fullmatch(SOUND, last)
    assert project.bytes() == before
    assert re.fullmatch(SOUND, project.flow().stdout)


@pytest.mark.fault("rot in DVC's cache is restored or made again, and never sent")
def test_every_object_of_the_cache_is_found_damaged(copy_of_built: Copies) -> None:
    project = copy_of_built()
    before = project.bytes()
    assert project.dvc("status", "--quiet").returncode == 0
    chance = random.Random(5)
    objects = [copy.path for copy in read_record(project.path).all_objects()]
    sound = {path: path.read_bytes() for path in objects}
    assert len(objects) >= 25
    for path in objects:
        flip(path, chance)
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(SOUND, done.stdout)
    assert {path: path.read_bytes() for path in objects} == sound
    assert project.bytes() == before


@pytest.mark.fault("rot in DVC's cache is restored or made again, and never sent")
@pytest.mark.slow
def test_what_is_damaged_in_the_cache_too_is_computed_again(copy_of_built: Copies) -> None:
    """Neither the cache nor DVC's run cache gives the damaged bytes back."""
    project = copy_of_built()
    before = project.bytes()
    chance = random.Random(2)
    name = "data/doubles/values/bucket-001.parquet"
    flip(object_of(project, name), chance)
    # As ``verify`` advises.
    shutil.rmtree(project.path / "data" / "doubles")
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{name}: its copy in DVC's cache was damaged and is sound nowhere here" in done.stdout
    assert re.search(r"^doubles +36 items .* s$", done.stdout, re.MULTILINE)
    assert project.bytes() == before
    assert re.fullmatch(SOUND, project.flow().stdout)


@pytest.mark.fault("rot in DVC's cache is restored or made again, and never sent")
@pytest.mark.slow
def test_an_earlier_build_comes_back_from_sound_objects_only(copy_of_built: Copies) -> None:
    """DVC's run cache restores a stage whose inputs are as they were once."""
    project = copy_of_built()
    before = project.bytes()
    names = [f"data/numbers/values/bucket-00{number}.parquet" for number in range(4)]
    objects = [object_of(project, name) for name in names]
    (listing,) = [c.path for c in read_record(project.path).cached_copies({"data/doubles"})][:1]
    project.set(synthesize__subjects=30)
    assert project.flow().returncode == 0
    chance = random.Random(3)
    for path in objects:
        flip(path, chance)
    listing.chmod(0o644)
    listing.write_text(listing.read_text().replace("relpath", "relpaht", 1))
    # So that no check comes upon them before DVC does.
    without_time_to_check(project)
    project.set(synthesize__subjects=40)
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("was damaged and is sound nowhere here") == 2 * len(names)
    assert project.bytes() == before


@pytest.mark.fault(
    "rot in the data that DVC does not see is found, and nothing else is called checked"
)
@pytest.mark.slow
def test_inputs_without_checksums_are_checked_before_they_are_read(copy_of_built: Copies) -> None:
    project = copy_of_built()
    before = project.bytes()
    name = "data/squares/.manifest.json"
    flip(project.path / name, random.Random(4))
    without_time_to_check(project)
    step = project.path / "tasks" / "total.py"
    step.write_text(step.read_text().replace("Write the sum.", "Write down the sum."))
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{name}: it was damaged; restored from DVC's cache" in done.stdout
    assert (project.path / name).read_bytes() == before[name]


@pytest.mark.fault(
    "rot in the data that DVC does not see is found, and nothing else is called checked"
)
def test_what_was_not_checked_is_not_called_checked(copy_of_built: Copies) -> None:
    project = copy_of_built()
    without_time_to_check(project)
    (project.path / ".headwater" / "checked.json").unlink()
    done = project.flow()
    # The four listings, without which it is not known what there is.
    assert re.fullmatch(r"everything is up to date, 4 of 62 files checked in .*\n", done.stdout), (
        done.stdout
    )


@pytest.mark.fault("a broken lock file of DVC is mended")
@pytest.mark.slow
def test_a_build_mends_a_broken_lock_of_dvc(copy_of_built: Copies) -> None:
    project = copy_of_built()
    (project.path / ".dvc" / "tmp" / "rwlock").write_bytes(b"")
    (project.path / "data" / "total" / "total.txt").unlink()
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert project.dvc("repro", "--quiet").returncode == 0


@pytest.mark.fault("a broken lock file of DVC is mended")
@pytest.mark.parametrize(
    "broken", [b"", b'{"write": {"/x"', b"[]", b"\xff", b'{"read": 3}', b"[" * 100_000]
)
def test_only_a_broken_lock_of_dvc_is_removed(tmp_path: Path, broken: bytes) -> None:
    lock = tmp_path / ".dvc" / "tmp" / "rwlock"
    mend_rwlock(tmp_path)
    lock.parent.mkdir(parents=True)
    lock.write_text('{"write": {"/x": {"pid": 1, "cmd": "dvc"}}, "read": {}}')
    mend_rwlock(tmp_path)
    assert lock.exists()
    lock.write_bytes(broken)
    mend_rwlock(tmp_path)
    assert not lock.exists()
