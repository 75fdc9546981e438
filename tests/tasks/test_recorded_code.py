"""A step that DVC runs refuses other code than DVC has on record for it."""

from pathlib import Path

import pytest

from headwater.artifacts.modules import Name
from headwater.errors import HeadwaterError
from tasks.recorded_code import code_text, refuse_other_code, step_roots

PROJECT = Path(__file__).resolve().parents[2]
RECORDED = code_text(Name("tasks.portraits", "main"))

pytestmark = pytest.mark.fault("old weights are never taken for those of new code")


@pytest.fixture
def on_record(tmp_path: Path) -> Path:
    """The file that DVC has on record for the code of a step; it is not there yet."""
    path = tmp_path / "data" / "code" / "portraits.json"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    "recorded",
    [
        RECORDED.replace('"code": "', '"code": "0'),
        RECORDED.replace('"packages": {', '"packages": {"other": "1.0"'),
        "",
    ],
)
def test_other_code_is_refused_where_dvc_records_it(
    tmp_path: Path, on_record: Path, monkeypatch: pytest.MonkeyPatch, recorded: str
) -> None:
    assert recorded != RECORDED
    on_record.write_text(recorded)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    refuse_other_code("portraits", tmp_path)
    monkeypatch.setenv("DVC_STAGE", "portraits")
    with pytest.raises(HeadwaterError, match=r"portraits\.json: is not of the code, .*`dvc repro"):
        refuse_other_code("portraits", tmp_path)


def test_code_on_record_runs(
    tmp_path: Path, on_record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_STAGE", "portraits")
    refuse_other_code("portraits", tmp_path)
    on_record.write_text(RECORDED)
    refuse_other_code("portraits", tmp_path)


def test_the_step_that_records_is_held_to_nothing() -> None:
    steps = dict(step_roots(PROJECT / "tasks"))
    assert "portraits" in steps
    assert "code" not in steps
