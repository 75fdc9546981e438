"""DVC's own words about its locks become one sentence."""

import json
import os
from pathlib import Path

import pytest

from flows.graph import changed_stages
from headwater.errors import HeadwaterError
from tests.flows.conftest import ToyProject


def test_a_dvc_at_work_in_the_folder_is_named_in_one_sentence(toy: ToyProject) -> None:
    lock = toy.path / ".dvc" / "tmp" / "rwlock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    busy = str(Path(toy.path) / "data" / "numbers")
    holder = {"pid": os.getppid(), "cmd": "dvc exp run"}
    lock.write_text(json.dumps({"write": {busy: holder}, "read": {}}))
    with pytest.raises(HeadwaterError) as refused:
        changed_stages(toy.path)
    assert str(refused.value) == (
        f"another dvc (process {os.getppid()}) is at work in this folder; "
        "wait until it is done, or end it"
    )
