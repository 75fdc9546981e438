"""The dataset card of a build, as Hugging Face's own readers see it."""

import json
from pathlib import Path

import datasets
import pytest
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCard, DatasetCardData

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import item_id
from headwater.artifacts.schemas import FRAMES, HEADS, TABLES
from headwater.artifacts.tables import read_table
from headwater.sharing.card import CardTable, card, card_of_build, features
from tests.artifacts.small_build import build, row_of, write_rows


@pytest.mark.parametrize("schema", TABLES.values(), ids=lambda schema: schema.name)
def test_columns_are_listed_as_datasets_lists_them(schema: TableSchema) -> None:
    stated = json.loads(schema.arrow.metadata[b"huggingface"])["info"]["features"]
    assert features(schema.arrow) == datasets.Features.from_dict(stated)._to_yaml_list()


def header(text: str) -> DatasetCardData:
    found = DatasetCard(text).data
    assert isinstance(found, DatasetCardData)
    return found


def test_the_hub_reads_licence_sizes_splits_and_columns(tmp_path: Path) -> None:
    items = [item_id("frame", number) for number in range(30)]
    licences = ["CC0-1.0 (of a model)" if number % 3 else "unknown" for number in range(30)]
    pairs = list(zip(items, licences, strict=True))
    write_rows(tmp_path, FRAMES, [row_of(FRAMES, i, i, licence=licence) for i, licence in pairs])
    write_rows(tmp_path, HEADS, [row_of(HEADS, i, i, licence="public domain") for i in items[:5]])
    found = header(card_of_build(tmp_path))
    assert found.license == ["cc0-1.0", "other", "unknown"]
    assert found["size_categories"] == ["n<1K"]
    infos = DatasetInfosDict.from_dataset_card_data(found)
    assert list(infos) == ["ingest_frames", "synthesize_heads"]
    frames = infos["ingest_frames"]
    rows = read_table(tmp_path, FRAMES, ["split"]).to_pylist()
    counted = {name: sum(row["split"] == name for row in rows) for name in frames.splits}
    assert {name: split.num_examples for name, split in frames.splits.items()} == counted
    assert sum(counted.values()) == 30
    assert isinstance(frames.features["image"], datasets.Image)
    assert isinstance(infos["synthesize_heads"].features["mesh"], datasets.Mesh)
    assert frames.download_size == sum(
        path.stat().st_size for path in tmp_path.glob("ingest/frames/*.parquet")
    )


def test_the_same_build_has_the_same_card(tmp_path: Path) -> None:
    build(tmp_path / "one" / "data")
    text = card_of_build(tmp_path / "one" / "data")
    (tmp_path / "one").rename(tmp_path / "two")
    assert card_of_build(tmp_path / "two" / "data") == text
    assert str(tmp_path) not in text
    assert "| `reconstruct" not in text
    assert "rejects" not in text


def test_a_licence_of_several_lines_stays_in_its_cell() -> None:
    table = CardTable("photos_photos", TABLES["photos/photos"])
    table.rows["train"] = 2
    table.licences["mine | yours\n---\nlicense: mit"] = 2
    text = card([table])
    assert text.splitlines()[-1].count("|") == 5
    assert header(text).license == ["other"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (123_456, "100K<n<1M"), (10**7, "n>10M")],
)
def test_sizes_have_the_words_of_the_hub(rows: int, words: str) -> None:
    table = CardTable("photos_photos", TABLES["photos/photos"])
    table.rows["train"] = rows
    assert header(card([table]))["size_categories"] == [words]
