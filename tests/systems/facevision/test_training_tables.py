"""What a training reads of the tables: crops of heads in order, and of photos where it may."""

from pathlib import Path

import numpy as np
import pytest

from headwater.artifacts.images import decode_png
from headwater.artifacts.schemas import HEADS, MAPS
from headwater.artifacts.tables import Row, bucket_file, read_table, to_table, write_bucket
from headwater.data.crops import seen_points
from headwater.data.face_codes import face_cut
from headwater.data.face_maps import from_levels
from headwater.data.tables import template_of
from headwater.errors import HeadwaterError
from headwater.systems import SYSTEMS
from headwater.systems.facevision import data as reader
from headwater.systems.facevision.config import SIZES, FaceVisionConfig
from headwater.systems.facevision.data import TrainingSet, read_training_set
from headwater.systems.facevision.train import noise_of, train
from headwater.systems.facevision.weights import load_weights
from headwater.training.run import Run
from tests.tasks.small_maps import HEAD, MODEL, PHOTO, VIEWS, head, made, rows, write_size

CONFIG = SIZES["smoke"].model_copy(update={"steps": 10, "components": 1})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of one head in two views and of one photo."""
    project, monkeypatch = tmp_path_factory.mktemp("tables"), pytest.MonkeyPatch()
    write_size(project, CONFIG.image_px, CONFIG.crop_mm)
    given = rows()
    _, result = made(given, project, monkeypatch)
    monkeypatch.undo()
    for schema, members in ((HEADS, given[HEADS.name]), (MAPS, result.rows[MAPS.name])):
        path = project / "data" / schema.name / bucket_file(0)
        write_bucket(path, schema, to_table(schema, members), "key")
    return project / "data"


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "read_model", lambda data: MODEL)


def read(folder: Path, **changes: object) -> TrainingSet:
    return read_training_set(CONFIG.model_copy(update=changes), folder)


def maps_row(folder: Path, item: str, camera: str) -> Row:
    (row,) = (
        row
        for row in read_table(folder, MAPS).to_pylist()
        if (row["parent"], row["picture"], row["camera"]) == (item, "crop", camera)
    )
    return row


def test_crops_of_heads_come_first_and_each_has_the_maps_of_its_row(folder: Path) -> None:
    given = read(folder)
    examples = given.examples
    order = [(VIEWS[0], "given"), (VIEWS[1], "given")]
    order += [(item, "estimated") for item in sorted(VIEWS)] + [(PHOTO, "estimated")]
    assert len(examples) == len(order) == 5
    for number, (item, camera) in enumerate(order):
        row = maps_row(folder, item, camera)
        np.testing.assert_array_equal(examples.pixels[number], decode_png(row["image"]))
        depth = from_levels(decode_png(row["depth"])).astype(np.float16)
        np.testing.assert_array_equal(examples.maps[number, 0], depth)
        code = from_levels(decode_png(row["code_y"])).astype(np.float16)
        np.testing.assert_array_equal(examples.maps[number, 2], code)
        assert bool(examples.estimated[number]) == (camera == "estimated")
    assert examples.head.tolist() == [0, 0, 0, 0, -1]
    assert given.training_heads.subjects.tolist() == [HEAD]
    np.testing.assert_allclose(given.training_heads.vertices[0], head(), atol=1e-4)


def test_anchors_lie_where_the_crop_shows_the_true_head_and_nowhere_in_a_photo(
    folder: Path,
) -> None:
    examples = read(folder).examples
    assert examples.anchors[4].isnan().all()
    assert examples.anchors[:4].isfinite().all()
    template = template_of(MODEL)
    cut = face_cut(template)
    places = cut.mean[cut.anchors(CONFIG.anchors)]
    usual = seen_points(examples.projection[:4], places, template.nose_bridge)
    off = np.linalg.norm(examples.anchors[:4].numpy() - usual, axis=2)
    # Heads differ from the mean by some mm.
    assert 0.1 < off.mean() < 15.0


def test_settings_choose_what_is_read(folder: Path) -> None:
    assert len(read(folder, photos=False).examples) == 4
    assert len(read(folder, estimated_views=False).examples) == 3
    assert len(read(folder, estimated_views=False, photos=False).examples) == 2
    with pytest.raises(HeadwaterError, match="has 64 px of 240 mm; nothing to train on"):
        read(folder, image_px=64)
    system = SYSTEMS["facevision"]
    assert system.photos is not None
    for photos in (True, False):
        assert system.photos(CONFIG.model_copy(update={"photos": photos})) == photos


def test_a_photo_is_learned_from_and_says_nothing_of_the_maps_errors(
    folder: Path, tmp_path: Path
) -> None:
    def trained(name: str, config: FaceVisionConfig) -> bytes:
        weights = tmp_path / f"{name}.safetensors"
        train(config, read_training_set(config, folder), Run(0, tmp_path / name), weights)
        return weights.read_bytes()

    both = trained("both", CONFIG)
    assert both == trained("again", CONFIG)
    assert both != trained("heads", CONFIG.model_copy(update={"photos": False}))
    model = load_weights(tmp_path / "both.safetensors")
    given = read(folder)
    alone = read(folder, photos=False)
    found, wanted = (noise_of(CONFIG, model.generator, one, model.prior) for one in (given, alone))
    np.testing.assert_array_equal(found.covariance, wanted.covariance)
