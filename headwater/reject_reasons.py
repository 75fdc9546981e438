"""Reasons why an input was not processed: the stable codes of every ``rejects`` table."""

from enum import StrEnum
from typing import Final


class RejectReason(StrEnum):
    """Codes of ``ItemRejected``; scripts may rely on them, so a code never changes its meaning."""

    # Finding files
    SYMBOLIC_LINK = "symbolic_link"
    """A symbolic link to a folder, or to nothing; such links are not followed."""
    NOT_A_FILE = "not_a_file"
    """A pipe, socket or device."""
    PERMISSION_DENIED = "permission_denied"
    """The file or folder may not be read by this user."""
    FILE_TOO_LARGE = "file_too_large"
    """More bytes than the limit for one photo."""
    EMPTY_FILE = "empty_file"
    """Zero bytes."""
    NOT_LAID_OUT = "not_laid_out"
    """The file is not where the published folder that is imported has its photos."""
    DUPLICATE = "duplicate"
    """The same bytes as an earlier file."""
    UNREADABLE_FILE = "unreadable_file"
    """The operating system could not read the file."""

    # Decoding
    NOT_AN_IMAGE = "not_an_image"
    """The content is no image of any known format, whatever the name says."""
    UNSUPPORTED_FORMAT = "unsupported_format"
    """An image or array format that is known but not read."""
    UNSUPPORTED_PIXELS = "unsupported_pixels"
    """Pixel values without a known range, or that are not finite."""
    TOO_MANY_PIXELS = "too_many_pixels"
    """The header claims more pixels than the limit; found before memory was taken."""
    TOO_EXPENSIVE = "too_expensive"
    """Decoding takes more memory, or more walks over the pixels, than one image may cost."""
    DECOMPRESSION_BOMB = "decompression_bomb"
    """Data beside the pixels that unpacks to far more than an image needs."""
    TRUNCATED = "truncated"
    """The file ends before the image does."""
    BROKEN_IMAGE = "broken_image"
    """A known format whose content cannot be decoded."""

    # Faces
    NO_FACE = "no_face"
    """No face was found."""
    SEVERAL_FACES = "several_faces"
    """More than one face was found where one is wanted."""
    FACE_TOO_SMALL = "face_too_small"
    """The largest face has too few pixels between the outer eye corners."""
    NO_LANDMARKS = "no_landmarks"
    """A face was found in the photo, but not again in its frame."""
    NO_HEAD_MASK = "no_head_mask"
    """The head mask came out empty."""
    CAMERA_FAILED = "camera_failed"
    """No camera explains the landmarks."""
    MISPLACED_FACE = "misplaced_face"
    """The face lies elsewhere than its landmarks and camera place it."""
    HEAD_NOT_FITTED = "head_not_fitted"
    """No head of the head model explains the landmarks, or the photo does not show all of them."""
    EDIT_FAILED = "edit_failed"
    """The face is too turned or too small for the expression edit, or shows it already."""
    EDIT_NOT_SEEN = "edit_not_seen"
    """Landmarks of the edited face do not show the expression that was asked for."""
    EDIT_PARTS_DIFFER = "edit_parts_differ"
    """A part of the edited face is found elsewhere than the edit put it."""
    EDIT_NEW_PIECES = "edit_new_pieces"
    """A part of the edited face is found in more pieces than the edit left."""

    # Heads
    BAD_MESH = "bad_mesh"
    """The head's surface cannot be measured: no faces, wrong indices or non-finite numbers."""

    FIT_FAILED = "fit_failed"
    """A data set's own fit of the photo is missing, unreadable, or shows its face elsewhere."""

    # Depending on the moment
    CHANGED = "changed"
    """The file was gone, or another one, when it was read again."""
    CRASHED = "crashed"
    """The process that computed the item was killed or crashed, twice, with this item alone."""
    OUT_OF_MEMORY = "out_of_memory"
    """There was not enough memory for the item, twice, with this item alone."""
    OUT_OF_TIME = "out_of_time"
    """Decoding took more processor time than one image may cost, on this machine."""


PASSING: Final = frozenset(
    {
        RejectReason.UNREADABLE_FILE,
        RejectReason.CHANGED,
        RejectReason.CRASHED,
        RejectReason.OUT_OF_MEMORY,
        RejectReason.OUT_OF_TIME,
    }
)
"""Reasons that tell of a moment and not of the item: such an item is tried again."""
