"""What is said of a stage that failed."""

from flows.recording import explain

DVC_ENDING = "ERROR: failed to reproduce 'x': failed to run: python -m tasks.x, exited with 2"


def test_own_error_lines_are_kept_and_dvcs_left_out() -> None:
    errors = f"chatter\nerror: x: too many rejects\nerror: see data/x\n{DVC_ENDING}\n"
    assert explain("x", errors, 255) == "x: too many rejects\nsee data/x"


def test_without_them_dvc_speaks() -> None:
    assert explain("x", f"chatter\n{DVC_ENDING}\n", 255) == DVC_ENDING.removeprefix("ERROR: ")


def test_silent_end_is_named_by_its_status() -> None:
    assert explain("x", "", 137) == "x: dvc ended with status 137"
