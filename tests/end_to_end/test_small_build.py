"""A small real build from portraits and rendered heads to weights, figures and the report.

Every step of the graph runs as it does under DVC, in one process. The figures are what this build
gives; they move when something between the tables and the evaluation changes.
"""

import io
import json
import os
import pickle
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from headwater.artifacts.images import decode_picture, encode_png
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.meshes import from_ply
from headwater.artifacts.schemas import SYNTHETIC_FRAMES, TRUTH
from headwater.artifacts.tables import (
    Row,
    read_table,
)
from headwater.baselines import landmark_errors
from headwater.cli import app
from headwater.cli import run as command
from headwater.config import load_params
from headwater.data.tables import read_heads, read_model
from headwater.data.views import of_rendered, read_views
from headwater.evaluation.heads.baselines import detector_errors
from headwater.evaluation.heads.trials import questions, read_all_cases
from headwater.evaluation.scores import read_scores
from headwater.faces.vocabulary import ibug68
from headwater.geometry.cameras import project
from headwater.metrics.landmarks import normalised_mean_error
from headwater.metrics.silhouette import silhouette
from headwater.metrics.strata import ESTIMATED, GIVEN
from headwater.photos.builtin import PORTRAITS
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import assemble, compute_bucket
from headwater.systems import SYSTEMS, challenge_of, find_system
from headwater.systems.stages import (
    baselines_stage,
    evaluate_stage,
    photos_stage,
    train_stage,
    trained,
)
from headwater.training.checkpoint import read_safetensors
from headwater.upkeep.verify import verify
from tasks.inputs import KINDS, baseline_inputs, inputs
from tasks.recorded_code import code_text, step_roots
from tests.end_to_end.executed import Codes, executed, followed, unfollowed
from tests.end_to_end.images_alone import estimated_questions, first_views, rewrite, untrue

PROJECT = Path(__file__).resolve().parents[2]
SMALL = {
    "buckets": 2,
    "split": {"test": 0.5, "validation": 0.0},
    "synthesize": {"head_model": "anny", "subjects": 6, "views": 2, "image_px": 128},
    "ingest": {"faces": "largest", "frame_px": 256},
    "expressions": {
        "frontal_degrees": 20.0,
        "synthetic_subjects": 1,
        "patterns": "three",
        "pixels": "warp",
        "strength": 1.0,
    },
    "sdf": {"samples": 256, "near_share": 0.75},
    "benchmark": {"other_head_model": "", "subjects": 1, "views": 2},
}
# Of these the hashes of what they read tell the code; others have a file of their own.
ROOTS = {"train": train_stage, "reconstruct": photos_stage, "baselines": baselines_stage}
# What enters by its value or shows progress, and is rightly in no fingerprint.
PREPARED = "headwater.systems.glvd.config prepared"
# The tables that trainings read are a file of the stage "reads".
_READS = {
    PREPARED,
    "headwater.data.training_tables tables_read",
    "headwater.networks.vertex_descent.config DescentConfig",
    "headwater.networks.vertex_descent.config refuse_odd_maps",
    "headwater.systems.glvd _reads",
    "headwater.systems.lvd _reads",
}
BY_VALUE = {
    "train": {PREPARED, "tasks.train main"},
    "evaluate": {PREPARED},
    "reconstruct": {PREPARED},
    "sdf": _READS,
    "maps": _READS,
    # The parameters, which a thread of its own reads.
    "quality": {
        "headwater.artifacts.regular_files _answer_all",
        "headwater.artifacts.regular_files _check_regular",
        "headwater.artifacts.regular_files _outcome",
        "headwater.artifacts.regular_files bytes_of_file",
        "headwater.artifacts.regular_files regular_bytes",
        "headwater.artifacts.regular_files within",
    },
}
BUCKETED = ("photos", "synthesize", "ingest", "landmarks", "masks", "parts", "cameras", "sdf")


def small_params(folder: Path) -> None:
    """Write the parameters of the small build."""
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    params.update(SMALL)
    for system in params["systems"].values():
        system["size"] = "smoke"
    # Otherwise nothing reads signed distances, and none are computed.
    params["systems"]["lvd"]["overrides"] = {"sdf_steps": 10}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def root_of(step: str) -> Callable[..., Any]:
    """The function whose code a stage's own file stands for."""
    module = import_module(f"tasks.{step}")
    return assemble if hasattr(module, "STEP") else module.main


def run(step: str, *arguments: str) -> None:
    """Run a step in the current folder: a bucketed one in this process, any other its ``main``."""
    module = import_module(f"tasks.{step}")
    if not hasattr(module, "STEP"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [f"{step}.py", *arguments])
            module.main()
        return
    params = load_params(Path("params.yaml"))

    def compute(missing: list[Planned]) -> Iterator[None]:
        for planned in missing:
            yield compute_bucket(module.STEP, params, Path.cwd(), planned)

    assemble(module.STEP, params, Path.cwd(), compute)


def evaluate(project: Path) -> None:
    """What the step "evaluate" does with several processes, in this one."""
    params = load_params(project / "params.yaml")
    system = find_system("glvd", params, project)
    evaluate_stage(system, challenge_of(system, params, project), params, project)
    write_manifest(project / "data" / "evaluate" / "glvd")


@pytest.fixture(scope="module")
def ran() -> dict[str, Codes]:
    """The functions of ours that each stage of the small build ran, once it is built."""
    return {}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, ran: dict[str, Codes]) -> Iterator[Path]:
    """The folder of the small build; the current folder during these tests."""
    folder = tmp_path_factory.mktemp("small build")
    before = Path.cwd()
    os.chdir(folder)
    small_params(folder)

    def watched(step: str, *arguments: str) -> None:
        with executed(ROOTS.get(step) or root_of(step), ran.setdefault(step, {})):
            run(step, *arguments)

    rest = ("expressions", "maps", "other_heads", "contents")
    for step in ("portraits", "head_model", *BUCKETED, *rest):
        watched(step)
    watched("quality")
    run("questions")
    watched("baselines")
    run("inputs", "glvd")
    watched("train", "glvd")
    with executed(evaluate_stage, ran.setdefault("evaluate", {})):
        evaluate(folder)
    watched("reconstruct", "glvd")
    watched("figures")
    watched("report")
    yield folder
    os.chdir(before)


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.fault("an edit makes exactly its users stale, and a comment nothing")
def test_all_code_that_ran_is_in_the_fingerprint_of_its_stage(
    built: Path, ran: dict[str, Codes]
) -> None:
    params = load_params(Path("params.yaml"))
    system = find_system("glvd", params, built)
    challenge = challenge_of(system, params, built)
    roots = dict(step_roots(PROJECT / "tasks"))
    judging = followed(partial(inputs, "evaluate", "glvd", params, built))
    for step, codes in ran.items():
        assert len(codes) > 1, step
        if step in KINDS:
            names = followed(partial(inputs, step, "glvd", params, built))
        elif step == "baselines":
            names = followed(partial(baseline_inputs, challenge, params, built))
        else:
            names = followed(partial(code_text, roots[step]))
        # These depend on the inputs of all evaluations, and so on the code that these name.
        names |= judging if step in ("figures", "report") else set()
        assert unfollowed(codes, names) - BY_VALUE.get(step, set()) == set(), step


def figures(path: str) -> dict[str, Any]:
    return dict(json.loads(Path(path).read_text()))


@pytest.mark.fault("the small build has the figures that it must have")
def test_every_artifact_is_sound(built: Path) -> None:
    found = verify(built / "data")
    assert found.problems == ()
    assert found.files > 40


@pytest.mark.fault("the small build has the figures that it must have")
def test_weights_come_from_the_training_heads(built: Path) -> None:
    tensors, notes = read_safetensors(Path("data/train/glvd/weights.safetensors"))
    assert notes["system"] == "glvd"
    steps = Path("data/train/glvd/loss.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in steps] == ["10", "20"]
    assert tensors["template.mean"].shape[0] == 4832


@pytest.mark.fault("the small build has the figures that it must have")
def test_figures_are_those_that_this_build_gives(built: Path) -> None:
    glvd, photos = (
        figures(f"data/{step}/glvd/figures.json") for step in ("evaluate", "reconstruct")
    )
    fit = figures("data/evaluate/baselines/heads/landmark_fit/metrics.json")
    assert (glvd["given_subjects"], glvd["given_failures"], photos["real_photos"]) == (2, 0, 2)
    assert (glvd["estimated_subjects"], glvd["estimated_failures"]) == (2, 0)
    assert glvd["given_mean_head_face_scan_to_mesh_mm"] == pytest.approx(1.673, rel=2e-3)
    assert fit["given_face_scan_to_mesh_mm"] == pytest.approx(0.870, rel=5e-3)
    # Twenty steps on four heads: no good head, but always the same one.
    assert glvd["given_face_scan_to_mesh_mm"] == pytest.approx(1.769, rel=1e-2)
    assert glvd["vertex_error_mm"] == pytest.approx(4.383, rel=1e-2)
    assert photos["real_landmark_nme_percent"] == pytest.approx(3.757, rel=2e-2)
    assert photos["real_mask_iou"] == pytest.approx(0.793, abs=0.01)
    assert figures("data/quality/figures.json")["frontal_detection_rate"] == 1.0


def test_the_detectors_errors_are_measured_on_the_training_views(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few as they are: eyes are detected better than the jaw line, which goes round the head."""
    monkeypatch.setattr(landmark_errors, "FEWEST_VIEWS", 5)
    errors = detector_errors(built / "data", read_model(built / "data"))
    assert not np.array_equal(errors.covariance, landmark_errors.assumed_errors().covariance)
    eyes, jaw = errors.deviations[36:48].mean(), errors.deviations[:17].mean()
    assert 0.002 < eyes < 0.04
    assert eyes < jaw < 0.12


def test_rendered_views_show_the_true_heads_in_the_frames_that_were_cut(built: Path) -> None:
    """The true surface lies on the mask, and as far from the landmarks as the quality step says."""
    data = built / "data"
    heads, model = read_heads(data), read_model(data)
    views = read_views(data, of_rendered(data, heads))
    assert len(views) == 12
    assert len({view.shape for view in views.images}) > 1
    errors = []
    for row, head in enumerate(views.head):
        camera, vertices = views.camera(row), heads.vertices[head]
        size = camera.width, camera.height
        covered = silhouette(project(camera, vertices)[0], model.faces, size)
        mask = views.masks[row] > 0
        # The mask ends where the rendered view does, which its frame may reach beyond.
        assert np.count_nonzero(mask & covered) > 0.97 * np.count_nonzero(mask)
        detected = ibug68(views.landmarks_478_px[row])
        if np.isfinite(detected).all():
            known, _ = project(camera, ibug68(model.landmarks_478.on(vertices)))
            errors.append(100 * normalised_mean_error(detected, known))
    found = figures("data/quality/figures.json")
    assert found["all_landmark_68_nme_percent_count"] == len(errors)
    assert np.mean(errors) == pytest.approx(found["all_landmark_68_nme_percent_mean"], rel=1e-3)


@pytest.mark.fault("old weights are never taken for those of new code")
def test_dvc_is_shown_a_dozen_figures_of_a_system(built: Path) -> None:
    shown = figures("data/figures/metrics/heads/glvd.json")
    assert {"estimated_face_scan_to_mesh_mm", "real_landmark_nme_percent"} <= set(shown)
    assert len(shown) <= 12


def test_training_again_gives_the_same_bytes_and_leaves_no_checkpoint(built: Path) -> None:
    weights = Path("data/train/glvd/weights.safetensors")
    before = weights.read_bytes()
    assert not list(Path(".headwater/checkpoints").rglob("*.safetensors"))
    weights.unlink()
    run("train", "glvd")
    assert weights.read_bytes() == before


@pytest.mark.fault("an answer to an image alone knows nothing of its true camera and mask")
def test_questions_about_images_alone_hold_no_trace_of_true_cameras_and_masks(
    built: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(built / "data", data)
    system, params = SYSTEMS["glvd"], load_params(Path("params.yaml"))
    model = trained(system, params, built)

    before = list(questions(read_all_cases(data)))
    rewrite(data, TRUTH, untrue)
    after = list(questions(read_all_cases(data)))
    assert {one.conditions["camera"] for one in before} == {GIVEN, ESTIMATED}
    alone = [one for one in before if one.conditions["camera"] == ESTIMATED]
    singles = Counter(one.subject for one in alone if one.conditions["views"] == 1)
    together = {one.subject for one in alone if one.conditions["views"] == 2}
    assert together == {subject for subject, count in singles.items() if count == 2}
    for one, other in zip(before, after, strict=True):
        # What the system is asked about; the conditions tell the true pose to the report alone.
        ours, theirs = (
            pickle.dumps((each.content.views, each.content.true_landmarks_mm))
            for each in (one, other)
        )
        same = ours == theirs
        assert same == (one.conditions["camera"] == ESTIMATED), one.key
        if same:
            answers = [system.answer(model, question.content) for question in (one, other)]
            assert answers[0].vertices.tobytes() == answers[1].vertices.tobytes()


@pytest.mark.fault("a question about an image alone is answered as reconstruct answers the image")
def test_an_image_gives_the_head_that_reconstruct_makes_of_it(built: Path, tmp_path: Path) -> None:
    params = load_params(Path("params.yaml"))
    model = trained(SYSTEMS["glvd"], params, built)
    first = first_views(built / "data")
    images = {
        row["item"]: row["image"]
        for row in read_table(built / "data", SYNTHETIC_FRAMES, ["item", "image"]).to_pylist()
    }
    for subject, question in estimated_questions(built / "data").items():
        photo = tmp_path / f"{subject}.png"
        Image.fromarray(decode_picture(images[first[subject]])).save(photo)
        arguments = ["reconstruct", str(photo), "-o", str(tmp_path / subject)]
        assert command(app, [*arguments, "--project", str(built)]) == 0
        (ply,) = (tmp_path / subject).glob("*/mesh.ply")
        vertices, _ = from_ply(ply.read_bytes(), "mesh")
        answer = SYSTEMS["glvd"].answer(model, question.content)
        np.testing.assert_allclose(vertices, answer.vertices, rtol=0, atol=1e-6)


@pytest.mark.fault("a view in which no face is found is a failure with its reason")
def test_a_view_without_a_face_is_a_failure_with_the_reason_of_its_step(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The face of one view is painted over; the steps run again on what is left."""
    shutil.copytree(built / "data", tmp_path / "data")
    shutil.copyfile(built / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    lost, *_ = estimated_questions(data)
    first = first_views(data)[lost]

    def painted(row: Row) -> Row:
        if row["item"] != first:
            return row
        grey = np.full((row["height"], row["width"], 3), 128, np.uint8)
        return {**row, "image": encode_png(grey, first)}

    rewrite(data, SYNTHETIC_FRAMES, painted)
    for step in ("ingest", "landmarks", "masks", "cameras"):
        run(step)
    found = estimated_questions(data)
    reasons = {subject: one.unanswerable for subject, one in found.items()}
    assert [subject for subject, reason in reasons.items() if reason] == [lost]
    assert "face" in (reasons[lost] or "")
    params = load_params(Path("params.yaml"))
    challenge = challenge_of(SYSTEMS["glvd"], params, tmp_path)
    baselines_stage(challenge, data)
    evaluate_stage(SYSTEMS["glvd"], challenge, params, tmp_path)
    for place in ("evaluate/glvd", "evaluate/baselines/heads/mean_head"):
        figure = figures(str(data / place / "figures.json"))
        assert (figure["estimated_subjects"], figure["estimated_failures"]) == (1, 1)
    scores = read_scores(data / "evaluate" / "glvd")
    assert {one.failure for one in scores if one.subject == lost and one.failure} == {reasons[lost]}


@pytest.mark.fault("a comment, a new photo or an unread setting trains nothing")
def test_a_photo_more_changes_nothing_that_is_trained_on(built: Path) -> None:
    params = load_params(Path("params.yaml"))
    training, photos = (inputs(kind, "glvd", params, built) for kind in ("train", "reconstruct"))
    (built / "data" / "portraits" / "again.jpg").write_bytes(_turned_portrait())
    for step in BUCKETED[:-1]:
        run(step)
    run("contents")
    assert inputs("train", "glvd", params, built) == training
    assert inputs("reconstruct", "glvd", params, built) != photos


def _turned_portrait() -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(PORTRAITS[0].data())) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()
