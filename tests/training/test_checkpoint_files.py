"""Checkpoints that are none are passed over, whatever their headers hold."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from headwater.training.checkpoint import latest_checkpoint

pytestmark = pytest.mark.fault(
    "a damaged file is refused in one sentence by every reader, within bounds"
)


def with_notes(notes: str) -> bytes:
    """A sound safetensors file whose notes are this text."""
    return save({"model.w": torch.zeros(2)}, metadata={"headwater": notes})


def with_header(header: str) -> bytes:
    text = header.encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        with_notes("[]"),
        with_notes("7"),
        with_notes("null"),
        with_notes("[" * 100_000),
        with_notes('{"fingerprint": "own"}'),
        with_notes(json.dumps({"fingerprint": "own", "sha256": "0" * 64})),
        with_header("[]"),
        with_header("[" * 100_000),
        b"",
    ],
    ids=range(9),
)
def test_a_file_that_is_no_checkpoint_is_passed_over(tmp_path: Path, content: Any) -> None:
    (tmp_path / "step-00000010.safetensors").write_bytes(content)
    assert latest_checkpoint(tmp_path, "own") is None
