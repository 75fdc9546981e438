"""Damage in the data and in DVC's cache: found bit by bit, put right, never sent to others."""

import os
import random
import resource
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from headwater.cli import main
from headwater.errors import HeadwaterError
from headwater.upkeep.repair import Copy, read_record, repair
from headwater.upkeep.spot_checks import MEMORY, spot_check
from tests.upkeep.dvc_project import dvc, start_dvc, write_stages

FLIPS = 25
MAKE = """\
import pathlib, random
for name in ("a", "b", "c/d"):
    path = pathlib.Path("data/many", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(name).randbytes(3000))
"""
ONE = "import pathlib; pathlib.Path('data/one.txt').write_text('one')"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a folder and a file that DVC made, recorded and cached."""
    project = tmp_path_factory.mktemp("recorded") / "project"
    (project / "data").mkdir(parents=True)
    (project / "many.py").write_text(MAKE)
    (project / "one.py").write_text(ONE)
    start_dvc(project)
    outputs = {"many": "data/many", "one": "data/one.txt"}
    write_stages(project, {name: (f"{name}.py", "", out) for name, out in outputs.items()})
    dvc(project, "repro", "--quiet")
    return project


@pytest.fixture
def project(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "project"))


def flip(path: Path, chance: random.Random) -> None:
    """Flip a bit as a disk does: size, times, mode and inode stay."""
    before = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    bit = chance.randrange(8 * len(content))
    content[bit // 8] ^= 1 << (bit % 8)
    with path.open("rb+") as file:
        file.write(content)
    path.chmod(stat.S_IMODE(before.st_mode))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def objects(project: Path) -> list[Path]:
    return [copy.path for copy in read_record(project).all_objects()]


def object_of(project: Path, name: str) -> Path:
    md5, _ = read_record(project).files[name]
    return read_record(project).objects.path(md5)


def listing_of(project: Path) -> Path:
    (listing,) = read_record(project).listings()
    return listing.path


def test_a_sound_build_is_left_as_it_is(project: Path) -> None:
    before = files(project)
    assert repair(project) == (9, [])
    assert files(project) == before


def test_files_of_another_build_are_no_damage(project: Path) -> None:
    """They come with the ``dvc.lock`` of another branch."""
    lock, one = project / "dvc.lock", project / "data" / "one.txt"
    before = lock.read_text()
    (project / "one.py").write_text(ONE.replace("'one'", "'another'"))
    dvc(project, "repro", "--quiet")
    assert one.read_text() == "another"
    lock.write_text(before)
    _, mended = repair(project)
    assert [each.message for each in mended] == [
        "data/one.txt: it was of another build; replaced from DVC's cache"
    ]
    assert one.read_text() == "one"


def test_files_of_another_build_whose_own_are_gone_are_made_again(project: Path) -> None:
    one = project / "data" / "one.txt"
    object_of(project, "data/one.txt").unlink()
    one.unlink()
    one.write_bytes((project / "data" / "many" / "a").read_bytes())
    _, (mended,) = repair(project)
    assert mended.stage == "one"
    assert mended.message == (
        "data/one.txt: it was of another build, and that of this one is nowhere here; "
        "one has to run again"
    )
    assert not one.exists()


@pytest.mark.fault("rot in DVC's cache is restored or made again, and never sent")
@pytest.mark.parametrize("place", ["data", ".dvc/cache"])
def test_every_flipped_bit_is_found_and_restored(project: Path, place: str) -> None:
    chance = random.Random(place)
    before = files(project / place)
    victims = [path for path in before if path in objects(project) or place == "data"]
    victims = [path for path in victims if path.name != ".gitignore"]
    for _ in range(FLIPS):
        victim = chance.choice(victims)
        flip(victim, chance)
        assert victim.read_bytes() != before[victim]
        _, (mended,) = repair(project)
        assert (mended.stage, files(project / place)) == (None, before)
        assert "was damaged; restored from" in mended.message
    modes = {stat.S_IMODE(path.stat().st_mode) for path in objects(project)}
    assert modes == {0o444}
    assert dvc(project, "status") == "Data and pipelines are up to date.\n"


@pytest.mark.fault("rot in DVC's cache is restored or made again, and never sent")
def test_what_is_sound_nowhere_is_dropped_and_made_again(project: Path) -> None:
    before = files(project)
    chance = random.Random(1)
    for path in (project / "data/many/a", object_of(project, "data/many/a")):
        flip(path, chance)
    flip(listing_of(project), chance)
    flip(object_of(project, "data/one.txt"), chance)
    flip(project / "data/one.txt", chance)
    _, mended = repair(project)
    assert {one.stage for one in mended if one.stage} == {"many", "one"}
    assert "is sound nowhere here; one has to run again" in mended[-1].message
    # DVC's run cache knows of a run that made these, and must not give them back.
    done = dvc(project, "repro")
    assert "Running stage 'many'" in done
    assert "Running stage 'one'" in done
    for name in ("data", ".dvc/cache"):
        assert files(project / name) == {
            p: c for p, c in before.items() if project / name in p.parents
        }
    assert repair(project) == (9, [])


@pytest.mark.fault("rot in DVC's cache is restored or made again, and never sent")
@pytest.mark.slow
def test_a_remote_is_asked_for_what_is_sound_nowhere_here(project: Path) -> None:
    before = files(project / "data")
    chance = random.Random(2)
    dvc(project, "remote", "add", "-d", "team", "../remote")
    dvc(project, "push", "--quiet")
    victims = ("data/many/a", "data/many/c/d", "data/one.txt")
    for name in victims:
        flip(project / name, chance)
        flip(object_of(project, name), chance)
    # The remote's own copy of one of them is damaged as well.
    kept = object_of(project, "data/one.txt").relative_to(project / ".dvc" / "cache")
    flip(project.parent / "remote" / kept, chance)
    _, mended = repair(project)
    said = {one.message.split(":")[0]: one for one in mended}
    for name in victims[:2]:
        assert said[name].message.endswith("restored from remote team")
    assert said["data/one.txt"].stage == "one"
    assert "here or at remote team" in said["data/one.txt"].message
    assert files(project / "data").keys() == before.keys() - {project / "data/one.txt"}
    assert all(before[path] == content for path, content in files(project / "data").items())


@pytest.mark.fault("rot in DVC's cache is restored or made again, and never sent")
@pytest.mark.slow
def test_a_listing_is_fetched_when_its_folder_is_damaged_too(project: Path) -> None:
    chance = random.Random(3)
    dvc(project, "remote", "add", "-d", "team", "../remote")
    dvc(project, "push", "--quiet")
    before = files(project / "data")
    flip(listing_of(project), chance)
    flip(project / "data/many/b", chance)
    _, mended = repair(project)
    assert [one.stage for one in mended] == [None, None]
    assert files(project / "data") == before


@pytest.mark.fault("rot in DVC's cache is restored or made again, and never sent")
def test_a_damaged_object_of_an_earlier_build_is_removed(project: Path) -> None:
    old = project / ".dvc/cache/files/md5/ab" / ("0" * 30)
    old.parent.mkdir(exist_ok=True)
    old.write_text("not that")
    odd = project / ".dvc/cache/files/md5/ac" / ("0" * 30)
    odd.mkdir(parents=True)
    files_checked, mended = repair(project)
    assert (files_checked, len(mended)) == (11, 2)
    assert all("removed" in one.message for one in mended)
    assert not old.exists()
    assert not odd.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files immutable")
def test_a_file_that_cannot_be_replaced_is_named(project: Path) -> None:
    victim = project / "data/many/a"
    flip(victim, random.Random(9))
    if subprocess.run(("chattr", "+i", str(victim)), check=False).returncode:
        pytest.skip("this file system knows no immutable files")
    try:
        with pytest.raises(HeadwaterError, match="data/many/a: is damaged and cannot be restored"):
            repair(project)
    finally:
        subprocess.run(("chattr", "-i", str(victim)), check=True)


@pytest.mark.fault("a full disk is one sentence")
def test_a_file_that_the_disk_has_no_room_for_is_named_and_not_its_sound_copy(
    project: Path,
) -> None:
    damaged, sound = project / "data" / "many" / "a", object_of(project, "data/many/a")
    flip(damaged, random.Random(0))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(HeadwaterError) as error:
            repair(project)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(error.value).startswith(f"{damaged}: is damaged and cannot be restored (")
    assert sound.is_file()


def test_nothing_recorded_is_said(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="no build is recorded here"):
        repair(tmp_path)


def status_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code


def test_the_command_says_what_it_did(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("repair", "--project", str(project))
    assert status_of(*command) == 0
    assert capsys.readouterr().out == "9 files checked, 0 were damaged\n"
    flip(project / "data/many/a", random.Random(4))
    assert status_of(*command) == 0
    assert capsys.readouterr().out.splitlines() == [
        "data/many/a: it was damaged; restored from DVC's cache",
        "9 files checked, 1 were damaged",
    ]
    for path in (project / "data/one.txt", object_of(project, "data/one.txt")):
        flip(path, random.Random(5))
    assert status_of(*command) == 1
    assert capsys.readouterr().err == "run `make repro`, which makes again: one\n"


@pytest.mark.fault("rot in DVC's cache is restored or made again, and never sent")
def test_damaged_and_missing_objects_are_not_sent(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    remote = project.parent / "remote"
    dvc(project, "remote", "add", "team", str(remote))
    command = ("push", "--project", str(project), "--remote", "team")
    chance = random.Random(6)
    for victim in objects(project):
        content = victim.read_bytes()
        flip(victim, chance)
        assert status_of(*command) == 2
        errors = capfd.readouterr().err.splitlines()
        assert [line for line in errors if line.startswith(f"error: {victim}: ")]
        assert errors[-1].startswith("error: nothing was sent; run `headwater repair`")
        victim.chmod(0o644)
        victim.write_bytes(content)
    victim.unlink()
    assert status_of(*command) == 2
    assert "is missing" in capfd.readouterr().err
    assert not remote.exists()


def test_sound_objects_are_sent_though_the_data_is_damaged(project: Path) -> None:
    remote = project.parent / "remote"
    dvc(project, "remote", "add", "-d", "team", str(remote))
    flip(project / "data/many/a", random.Random(7))
    (project / "data/one.txt").write_text("something else")
    assert status_of("push", "--project", str(project)) == 0
    sent = {path.name: content for path, content in files(remote).items()}
    assert sent == {path.name: path.read_bytes() for path in objects(project)}
    assert all(
        Copy(path, path.parent.name + path.name).is_damaged() is False for path in files(remote)
    )


@pytest.mark.fault(
    "rot in the data that DVC does not see is found, and nothing else is called checked"
)
def test_spot_checks_reach_everything_and_remember(project: Path) -> None:
    copies = {copy.path for copy in read_record(project).copies()}
    always = project / "data/one.txt"
    first = spot_check(project, [always], 0)
    # The listing is read in any case, to know what there is.
    assert (first.files, first.total, first.damaged) == (2, len(copies), ())
    victims = sorted(copies - {always, listing_of(project)})
    chance = random.Random(8)
    for victim in victims:
        flip(victim, chance)
    found = spot_check(project, [always], 60)
    assert found.files == len(copies)
    assert {copy.path for copy in found.damaged} == set(victims)
    flip(always, chance)
    assert [copy.path for copy in spot_check(project, [always], 0).damaged] == [always]


@pytest.mark.fault(
    "rot in the data that DVC does not see is found, and nothing else is called checked"
)
def test_spot_checks_take_the_oldest_first(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    check = Copy.is_damaged

    def counted(copy: Copy) -> bool:
        seen.append(copy.path)
        return check(copy)

    monkeypatch.setattr(Copy, "is_damaged", counted)
    clock = iter(range(1000))
    monkeypatch.setattr("headwater.upkeep.spot_checks.time.monotonic", lambda: next(clock))
    for _ in range(4):
        spot_check(project, [], 3)
    rest = [path for path in seen if path != listing_of(project)]
    assert len(rest) == len(set(rest)) == 8


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": []}', "[" * 100_000, '{"a": "x"}'])
def test_a_broken_memory_of_checks_is_started_anew(project: Path, text: str) -> None:
    (project / ".headwater").mkdir()
    (project / MEMORY).write_text(text)
    assert spot_check(project, [], 60).files == 9


def test_a_build_before_its_first_stage_has_nothing_to_check(tmp_path: Path) -> None:
    assert spot_check(tmp_path, [], 1).total == 0
