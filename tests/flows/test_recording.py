"""Recording while another DVC works, and what is said of a stage that failed."""

import fcntl
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Timer

import pytest

from flows.recording import STOP_SECONDS, Recorder, explain
from headwater.errors import HeadwaterError, StepFault
from tasks.lifeline import command_line
from tasks.worker import NICENESS
from tasks.workers import Stopped
from tests.flows.conftest import ToyProject

DVC_ENDING = "ERROR: failed to reproduce 'x': failed to run: python -m tasks.x, exited with 2"


def record(toy: ToyProject, niceness: int = 0) -> None:
    """Record the stage ``numbers``."""
    with Recorder(toy.path) as recorder:
        recorder.record("numbers", lambda event: None, niceness=niceness)


def test_own_error_lines_are_kept_and_dvcs_left_out() -> None:
    errors = f"chatter\nerror: x: too many rejects\nerror: see data/x\n{DVC_ENDING}\n"
    assert explain("x", errors, 255) == "x: too many rejects\nsee data/x"


def test_without_them_dvc_speaks() -> None:
    assert explain("x", f"chatter\n{DVC_ENDING}\n", 255) == DVC_ENDING.removeprefix("ERROR: ")


def test_silent_end_is_named_by_its_status() -> None:
    assert explain("x", "", 1) == "x: dvc ended with status 1"


@pytest.mark.fault("a process that the kernel killed says so")
@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ("", -9),
        ("ERROR: failed to reproduce 'x': failed to run: python -m tasks.x, exited with -9\n", 255),
        (
            "ERROR: failed to reproduce 'x': failed to run: python -m tasks.x, exited with 137\n",
            255,
        ),
    ],
)
def test_a_process_that_the_kernel_killed_says_so(errors: str, status: int) -> None:
    said = explain("x", errors, status)
    assert said.startswith("x: its process was killed, as the kernel does when memory runs out; ")


@pytest.mark.fault("a process that the kernel killed says so")
@pytest.mark.slow
def test_a_step_killed_for_memory_is_named(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own signal, sent by a step to itself in place of the kernel."""
    monkeypatch.setattr("os.environ", toy.environment())
    step = toy.path / "tasks" / "numbers.py"
    kill = 'if __name__ == "__main__":\n    os.kill(os.getpid(), 9)'
    step.write_text(step.read_text().replace('if __name__ == "__main__":', kill))
    with pytest.raises(HeadwaterError, match="numbers: its process was killed"):
        record(toy)


@pytest.mark.fault("a build that is stopped ends at once and quietly")
@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(3))
def test_a_stopped_build_gives_dvcs_locks_back(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch, attempt: int
) -> None:
    monkeypatch.setattr("os.environ", toy.environment(seconds=60))
    rwlock = toy.path / ".dvc" / "tmp" / "rwlock"
    with ThreadPoolExecutor(1) as pool:
        with suppress(KeyboardInterrupt), Recorder(toy.path) as recorder:
            recording = pool.submit(recorder.record, "numbers", lambda event: None)
            deadline = time.monotonic() + 60
            while not (rwlock.is_file() and "data/numbers" in rwlock.read_text()):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            time.sleep(attempt)
            started = time.monotonic()
            raise KeyboardInterrupt
        assert time.monotonic() - started < STOP_SECONDS + 1
        with pytest.raises(Stopped):
            recording.result(30)
    assert json.loads(rwlock.read_text()) in ({}, {"read": {}, "write": {}})
    assert toy.left_over() == []


@pytest.mark.slow  # It waits for longer than DVC does.
@pytest.mark.fault("a broken lock file of DVC is mended")
def test_a_lock_that_another_dvc_holds_is_waited_for(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC itself gives up after three seconds, which a busy machine takes to read a graph."""
    monkeypatch.setattr("os.environ", toy.environment())
    lock = toy.path / ".dvc" / "tmp" / "lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        Timer(6.0, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        record(toy)
    assert any((toy.path / "data" / "numbers").iterdir())


@pytest.mark.fault("a fault of one item fails its stage alone and is named")
def test_fault_of_a_step_is_told_from_what_a_user_can_mend(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", toy.environment())
    toy.edit(
        "numbers",
        "    if value % 10 == 9:\n",
        "    if value == 24:\n        1 / 0\n    if value % 10 == 9:\n",
    )
    with Recorder(toy.path) as recorder:
        with pytest.raises(
            StepFault, match=r"^numbers: bucket \d, item \w+ \(number 24\): unexpected Zero"
        ):
            recorder.record("numbers", lambda event: None)
        toy.set(max_reject_rate=0.0)
        toy.edit("numbers", "        1 / 0\n", "        pass\n")
        with pytest.raises(HeadwaterError, match="max_reject_rate") as refused:
            recorder.record("numbers", lambda event: None)
    assert refused.value.exit_status == 2


@pytest.mark.fault("a broken lock file of DVC is mended")
def test_a_stage_gives_way_as_far_as_it_is_told_and_its_workers_further(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a DVC that was killed while it wrote its lock file."""
    broken = toy.path / ".dvc" / "tmp" / "rwlock"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.touch()
    monkeypatch.setattr("os.environ", toy.environment())
    note = 'open(f"nice-{os.getpid()}", "w").write(str(os.nice(0)))'
    toy.edit("numbers", "    os.write(1,", f"    {note}\n    os.write(1,")
    toy.edit("numbers", "    run(STEP)", f"    {note}\n    run(STEP)")
    record(toy, niceness=4)
    own = os.nice(0)
    levels = {int(path.read_text()) - own for path in toy.path.glob("nice-*")}
    assert levels == {4, 4 + NICENESS}
    assert any((toy.path / "data" / "numbers").iterdir())


def test_one_process_records_one_stage_after_another(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its own errors, as they are now, and none of them is left at the end."""
    monkeypatch.setattr("os.environ", toy.environment())
    # What a library may do while it is loaded.
    toy.edit("numbers", "    run(STEP)", '    os.write(1, b"no end of line")\n    run(STEP)')
    said: list[str] = []
    with Recorder(toy.path) as recorder:
        for stage in ("numbers", "doubles"):
            recorder.record(stage, lambda event: said.extend(event.get("finished", "").split()[:1]))
        dvc = [one for one in toy.processes() if "flows.dvc_process" in command_line(one)]
        assert len(dvc) == 1
        toy.set(max_reject_rate=0.0)
        with pytest.raises(HeadwaterError, match=r"^numbers: .*max_reject_rate"):
            recorder.record("numbers", lambda event: None, again=True)
        toy.set(max_reject_rate=1.0)
        recorder.record("numbers", lambda event: None, again=True)
        # Nobody is there to be told that it died meanwhile.
        dvc[0].kill()
        dvc[0].wait(10)
        recorder.record("squares", lambda event: None)
    assert said == ["36", "36"]
    assert toy.left_over() == []


def test_a_step_at_hand_runs_in_the_place_of_its_command(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", toy.environment())
    table = toy.path / "data" / "numbers" / "table.txt"
    said: list[dict[str, object]] = []

    def write() -> str:
        table.parent.mkdir(parents=True)
        table.write_text("1\n")
        return "1 item"

    def refuse() -> str:
        raise HeadwaterError("numbers: there is no room\nmake some")

    def fail() -> str:
        raise StepFault("numbers: unexpected ZeroDivisionError")

    with Recorder(toy.path) as recorder:
        recorder.record("numbers", said.append, step=write)
        assert toy.dvc("status", "numbers").stdout.strip() == "Data and pipelines are up to date."
        with pytest.raises(HeadwaterError, match=r"^numbers: there is no room\nmake some$") as no:
            recorder.record("numbers", said.append, again=True, step=refuse)
        assert no.value.exit_status == 2
        with pytest.raises(StepFault, match=r"^numbers: unexpected ZeroDivisionError$"):
            recorder.record("numbers", said.append, again=True, step=fail)
    assert said == [{"finished": "1 item"}]
    assert not (toy.path / ".headwater" / "logs" / "numbers.log").exists()


@pytest.mark.fault("a build that is stopped ends at once and quietly")
def test_a_recording_is_stopped_while_it_waits_for_a_step_at_hand(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", toy.environment())
    begun, go_on = Event(), Event()

    def wait() -> str:
        begun.set()
        go_on.wait(60)
        return ""

    with ThreadPoolExecutor(1) as pool:
        with suppress(KeyboardInterrupt), Recorder(toy.path) as recorder:
            recording = pool.submit(recorder.record, "numbers", lambda event: None, step=wait)
            assert begun.wait(60)
            raise KeyboardInterrupt
        go_on.set()
        with pytest.raises(Stopped):
            recording.result(30)
    rwlock = toy.path / ".dvc" / "tmp" / "rwlock"
    assert json.loads(rwlock.read_text()) in ({}, {"read": {}, "write": {}})
    assert toy.left_over() == []


def test_a_build_assembles_tables_in_the_processes_that_computed_them(built: ToyProject) -> None:
    """Each stage's own process would load all code anew."""
    logs = built.path / ".headwater" / "logs"
    assert (logs / "total.log").exists()
    assert not [
        name for name in ("numbers", "doubles", "squares") if (logs / f"{name}.log").exists()
    ]
