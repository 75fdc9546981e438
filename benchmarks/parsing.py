"""Frames per second of the face parts' providers: polygons of landmarks, and a parser's network."""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.outcome import Figure, Outcome
from benchmarks.pinned import PinnedWorkers, usable_cores
from benchmarks.timing import ratio, take_turns
from headwater.faces.frame_landmarks import landmarks_of_crop
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.photo_path import face_frame, frame_parts
from headwater.parsing.frame_parser import parsed_parts
from headwater.parsing.parser import FaceParser, new_network
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo

FRAMES = 12
FRAME_PX = 512
ROUNDS = 5


@cache
def _frame() -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
    """A portrait's frame, its landmarks and what it shows of the photo."""
    faces = mediapipe_faces()
    frame = face_frame(decode_photo(PORTRAITS[0].data()).rgb, FRAME_PX, faces)
    return frame.image, landmarks_of_crop(frame.crop, len(frame.image), faces), frame.shown


@cache
def _parser() -> FaceParser:
    """A parser with its first weights: how long it takes does not depend on them."""
    torch.manual_seed(0)
    return FaceParser(new_network().eval())


def draw(numbers: Sequence[int]) -> int:
    """Parts of the frame from its landmarks, once per number; returns how many."""
    _, landmarks, shown = _frame()
    for _ in numbers:
        frame_parts(landmarks, shown)
    return len(numbers)


def parse(numbers: Sequence[int]) -> int:
    """Parts of the frame by the network, once per number; returns how many."""
    image, landmarks, shown = _frame()
    for _ in numbers:
        parsed_parts(_parser(), image, landmarks, shown)
    return len(numbers)


def measure() -> Outcome:
    """Time both on one core in turns."""
    with PinnedWorkers(usable_cores()) as workers:
        rates = take_turns(
            {
                "drawn": partial(workers.run, draw, range(10 * FRAMES), 1),
                "parsed": partial(workers.run, parse, range(FRAMES), 1),
            },
            ROUNDS,
        )
    return Outcome(
        "face parts",
        (
            Figure("polygons of landmarks", "frames per second", rates["drawn"]),
            Figure("trained parser", "frames per second", rates["parsed"]),
            Figure("parser to polygons", "times", ratio(rates["parsed"], rates["drawn"])),
        ),
        {"frame": f"a portrait's, {FRAME_PX} px or less a side; landmarks are found before"},
    )
