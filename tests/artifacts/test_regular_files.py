"""Only regular files are read, within a size and a time."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from headwater.artifacts.regular_files import (
    NotRegularError,
    TooLargeError,
    each_within,
    read_file,
    regular_bytes,
    within,
)
from headwater.errors import HeadwaterError


def test_bytes_of_a_file_and_of_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert regular_bytes(tmp_path / "file", 5) == b"12345"
    assert regular_bytes(tmp_path / "link", 5) == b"12345"
    with pytest.raises(TooLargeError, match="5 bytes"):
        regular_bytes(tmp_path / "file", 4)


@pytest.mark.fault("what is no file, or never answers, is passed over")
def test_pipes_devices_and_folders_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    (tmp_path / "screen").symlink_to("/dev/tty")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "zeros", "screen", "folder"):
        with pytest.raises(NotRegularError):
            regular_bytes(tmp_path / name, 10)


@pytest.fixture
def leased(tmp_path: Path) -> Iterator[Path]:
    """A regular file that whoever opens it waits for, as long as its holder does not answer."""
    path = tmp_path / "leased.jpg"
    path.write_bytes(b"content")
    # SIGIO, which asks the holder to give way, is passed over.
    hold = (
        "import fcntl, os, signal, sys, time; signal.signal(signal.SIGIO, signal.SIG_IGN);"
        "f = os.open(sys.argv[1], os.O_RDWR); fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK);"
        "print(flush=True); time.sleep(60)"
    )
    command = (sys.executable, "-c", hold, str(path))
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline()
    yield path
    holder.kill()
    holder.wait()
    holder.stdout.close()


@pytest.mark.fault("what is no file, or never answers, is passed over")
@pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="needs Linux file leases")
def test_a_file_whose_opening_blocks_is_refused_at_once(leased: Path) -> None:
    started = time.monotonic()
    with pytest.raises(BlockingIOError):
        regular_bytes(leased, 100)
    assert time.monotonic() - started < 5


@pytest.mark.fault("what is no file, or never answers, is passed over")
def test_what_never_answers_is_left_behind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"within 0\.2 seconds"):
        within(0.2, (tmp_path / "pipe").read_bytes)
    assert time.monotonic() - started < 5
    # Let the thread go.
    os.close(os.open(tmp_path / "pipe", os.O_WRONLY))


@pytest.mark.fault("what is no file, or never answers, is passed over")
def test_what_never_answers_holds_up_none_of_the_others(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    threads: set[int] = set()

    def note(number: int) -> int:
        threads.add(threading.get_ident())
        return number

    acts = [partial(note, number) for number in range(100)]
    acts[40] = acts[41] = (tmp_path / "pipe").read_bytes
    outcomes = list(each_within(0.2, acts))
    late = [number for number, one in enumerate(outcomes) if isinstance(one, TimeoutError)]
    assert late == [40, 41]
    assert [one for one in outcomes if isinstance(one, int)] == [*range(40), *range(42, 100)]
    # One goes on for as long as none hangs.
    assert len(threads) == 2
    os.close(os.open(tmp_path / "pipe", os.O_WRONLY))


def test_errors_and_results_pass_through() -> None:
    assert within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)


def test_a_user_reads_one_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(bytes(9))
    for name, said in (
        ("gone", "there is no such file"),
        ("pipe", "cannot be read .it is a pipe"),
        ("large", "it has 9 bytes; at most 8 are read"),
        ("nul\0", "cannot be read"),
    ):
        with pytest.raises(HeadwaterError, match=f"{name}: {said}") as error:
            read_file(tmp_path / name, 8)
        assert "\n" not in str(error.value)
