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


@pytest.mark.fault("what no forecast can be made of is one line that says what to do")
def test_a_link_to_nothing_in_place_of_an_output_is_named(toy: ToyProject) -> None:
    out = {"path": "data/numbers", "md5": "0" * 32 + ".dir"}
    stages = {"numbers": {"cmd": "python -m tasks.numbers", "outs": [out]}}
    (toy.path / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}))
    (toy.path / "data" / "numbers").symlink_to("/nowhere")
    with pytest.raises(HeadwaterError, match=r"^dvc: .*data/numbers: No such file or directory; "):
        changed_stages(toy.path)
