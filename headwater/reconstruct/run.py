"""The whole command: photos in, a folder per head out; unusable photos are reported and passed."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.data.scenes import Template
from headwater.errors import HeadwaterError, ItemRejected
from headwater.evaluation.challenge import Answerer, Unanswered
from headwater.evaluation.heads.answer import Sources
from headwater.evaluation.heads.photos import PhotoQuestion
from headwater.photos.folder import PhotoFile
from headwater.reconstruct.agreement import agreeing_views, views_of_one_face
from headwater.reconstruct.causes import likely_cause
from headwater.reconstruct.doubts import guessed_part, size_doubt, view_doubt, view_note
from headwater.reconstruct.files import save, write_head
from headwater.reconstruct.given_cameras import GivenCamera, GivenCameras
from headwater.reconstruct.head import Head, check_fit, reconstruct_head, views_of
from headwater.reconstruct.inputs import Inputs
from headwater.reconstruct.names import FolderNames
from headwater.reconstruct.placing import DisagreementError, head_in_world, in_head_frame
from headwater.reconstruct.seeing import SeenFace, look_at, see, see_face
from headwater.reconstruct.settings import PhotoSettings
from headwater.reconstruct.summary import UNCERTAIN, Outcome, Status, summary_csv
from headwater.reject_reasons import RejectReason

# Every view is kept in memory; the published fusion was tried with six.
MAX_VIEWS: Final = 24
NOT_AGREEING: Final = (
    "By its camera the face is not where the other views see it: it may be misdetected, of another "
    "head, or the camera that of another photo."
)
NOT_ONE_FACE: Final = (
    "The face that was detected looks odd and is not where the other views see it: it may be "
    "turned over, misdetected, or of another head."
)

Tell = Callable[[Outcome, float], None]


@dataclass
class Job:
    """A run of the command. tell(outcome, seconds) hears of every photo that is done with.

    answer: of a trained system to views; template: its topology, whose mean the cameras of photos
    are solved against. cameras: what the photos' cameras are, when the user calibrated them.
    sources: of an answer, of systems that show them.
    """

    answer: Answerer
    template: Template
    settings: PhotoSettings
    out: Path
    tell: Tell
    cameras: GivenCameras | None = None
    sources: Callable[[PhotoQuestion], Sources] | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self, inputs: Inputs, summary: Path, together: bool) -> list[Outcome]:
        """Reconstruct a head from every photo, or one from all of them together.

        The table of outcomes is written to ``summary``, also when the run is interrupted.
        """
        try:
            for problem in inputs.problems:
                sha256 = problem.sha256 or ""
                self._reject(problem.name, sha256, problem.reason, problem.message, 0.0)
            names = FolderNames(self.out)
            if together:
                self._one_head(inputs.photos, names)
            else:
                for photo in inputs.photos:
                    self._heads(photo, names)
            self._repeats(inputs)
        finally:
            save(summary, summary_csv(self.outcomes))
        return self.outcomes

    def _heads(self, photo: PhotoFile, names: FolderNames) -> None:
        """Reconstruct the head of every face of a photo that the settings take."""
        started = time.perf_counter()
        try:
            faces = look_at(photo, self.settings)
        except ItemRejected as problem:
            self._reject_photo(photo, problem, started)
            return
        for number in range(1, len(faces.frames) + 1):
            try:
                face = see_face(faces, number, self._mean_landmarks(), self._camera(photo))
                head = self._reconstructed(photo.name, [face])
            except ItemRejected as problem:
                self._reject_photo(photo, problem, started)
            else:
                self._write(head, names, started)
            started = time.perf_counter()

    def _one_head(self, photos: Sequence[PhotoFile], names: FolderNames) -> None:
        """Reconstruct the one head that all photos show."""
        started = time.perf_counter()
        if len(photos) > MAX_VIEWS:
            raise HeadwaterError(
                f"--views takes at most {MAX_VIEWS} photos of one head, not {len(photos)}"
            )
        faces = self._agreeing(list(self._faces(photos)))
        if not faces:
            return
        try:
            more = f" and {len(faces) - 1} more" if len(faces) > 1 else ""
            head = self._reconstructed(faces[0].name + more, faces)
        except ItemRejected as problem:
            for face in faces:
                self._reject(face.name, face.sha256, problem.reason, problem.message, 0.0)
            return
        self._write(head, names, started)

    def _faces(self, photos: Sequence[PhotoFile]) -> Iterator[SeenFace]:
        for photo in photos:
            started = time.perf_counter()
            try:
                yield see(photo, self._mean_landmarks(), self.settings, self._camera(photo))
            except ItemRejected as problem:
                self._reject_photo(photo, problem, started)

    def _agreeing(self, faces: list[SeenFace]) -> list[SeenFace]:
        """The views that see one head; the others are rejected."""
        if not faces:
            return faces
        if self.cameras is None:
            rows, why = views_of_one_face(faces), NOT_ONE_FACE
        else:
            rows, why = self._by_cameras(faces, self.cameras), NOT_AGREEING
        for row, face in enumerate(faces):
            if row not in rows:
                self._reject(face.name, face.sha256, RejectReason.CAMERA_FAILED, why, 0.0)
        return [faces[row] for row in rows]

    def _by_cameras(self, faces: list[SeenFace], cameras: GivenCameras) -> list[int]:
        """Rows of the views whose given cameras agree on one head."""
        mean = self._mean_landmarks()
        try:
            return agreeing_views(faces, mean, cameras.path)
        except DisagreementError as error:
            if (cause := likely_cause(faces, mean)) is None:
                raise
            raise HeadwaterError(f"{cameras.path}: {cause}; mend them") from error

    def _camera(self, photo: PhotoFile) -> GivenCamera | None:
        return self.cameras.by_sha256[photo.sha256] if self.cameras else None

    def _reconstructed(self, name: str, faces: Sequence[SeenFace]) -> Head:
        if self.cameras is None:
            head = reconstruct_head(self.answer, name, faces)
            made = self._sources(faces, estimated=True)
            return replace(head, doubt=view_doubt(head.views), sources=made)
        mean = self._mean_landmarks()
        place = head_in_world(faces, mean, self.cameras.path)
        placed = in_head_frame(faces, place)
        head = reconstruct_head(self.answer, name, placed, place)
        check_fit(head, faces, mean)
        doubt = size_doubt(faces, mean) or view_doubt(head.views)
        return replace(head, doubt=doubt, sources=self._sources(placed, estimated=False))

    def _sources(self, faces: Sequence[SeenFace], *, estimated: bool) -> Sources:
        if self.sources is None:
            return ()
        try:
            return self.sources(PhotoQuestion(views_of(faces, estimated=estimated)))
        except Unanswered:
            return ()

    def _mean_landmarks(self) -> NDArray[np.float32]:
        return self.template.landmarks_68(self.template.mean)

    def _write(self, head: Head, names: FolderNames, started: float) -> None:
        first = head.views[0].face
        folder = names.take(first.folder_name, first.sha256)
        write_head(head, self.out / folder)
        seconds = time.perf_counter() - started
        for view in head.views:
            self._add(
                Outcome(
                    view.face.name,
                    view.face.sha256,
                    Status.DONE,
                    folder,
                    view.error_percent,
                    view.face.faces_found,
                    UNCERTAIN if head.doubt else "",
                    " ".join(filter(None, (view_note(view), head.doubt))),
                    guessed_part(view),
                ),
                seconds / len(head.views),
            )

    def _reject_photo(self, photo: PhotoFile, problem: ItemRejected, started: float) -> None:
        seconds = time.perf_counter() - started
        self._reject(photo.name, photo.sha256, problem.reason, problem.message, seconds)

    def _reject(self, name: str, sha256: str, reason: str, message: str, seconds: float) -> None:
        outcome = Outcome(name, sha256, Status.REJECTED, reason=reason, message=message)
        self._add(outcome, seconds)

    def _repeats(self, inputs: Inputs) -> None:
        first = {one.sha256: one for one in self.outcomes if one.sha256}
        for name, sha256 in inputs.repeats:
            same = first[sha256]
            message = f"The file has the same bytes as {same.name}."
            repeat = Outcome(
                name, sha256, Status.REPEATED, same.folder, reason="duplicate", message=message
            )
            self._add(repeat, 0.0)

    def _add(self, outcome: Outcome, seconds: float) -> None:
        self.outcomes.append(outcome)
        self.tell(outcome, seconds)
