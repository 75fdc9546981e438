"""Tables that trainings read: as every system says, and nothing computed that none reads."""

from pathlib import Path
from typing import Any

import pytest

from headwater.artifacts.schemas import FRAMES, HEADS, SDF
from headwater.config import Params, load_params
from headwater.data import tables, views
from headwater.data.training_tables import read_training_tables, tables_read
from headwater.pipeline.plan import plan
from headwater.report.counts import count_step
from headwater.systems import SYSTEMS
from headwater.systems.settings import training_tables
from headwater.upkeep.verify import verify
from tasks import sdf
from tasks.command import build
from tests.artifacts.small_build import build as build_small
from tests.artifacts.small_build import write_rows
from tests.systems.test_systems import PLUGIN

PROJECT = Path(__file__).resolve().parents[2]
PARAMS = load_params(PROJECT / "params.yaml")


def with_overrides(system: str, **overrides: Any) -> Params:
    settings = PARAMS.systems[system].model_copy(update={"overrides": overrides})
    return PARAMS.model_copy(update={"systems": {**PARAMS.systems, system: settings}})


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_size_of_a_system_says_what_it_reads(name: str) -> None:
    system = SYSTEMS[name]
    for config in system.sizes.values():
        names = [schema.name for schema in system.reads(config)]
        # PRDL learns from no true shape.
        assert (HEADS.name in names) == (name != "prdl")
        assert len(set(names)) == len(names)
        assert (SDF.name in names) == bool(getattr(config, "sdf_steps", 0))


@pytest.mark.parametrize("estimated", [False, True])
@pytest.mark.parametrize("samples", [False, True])
def test_training_reads_the_tables_that_it_says_and_no_others(
    samples: bool, estimated: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read: set[str] = set()
    given = tables.read_table

    def recorded(data: Path, schema: Any, *rest: Any, **more: Any) -> Any:
        read.add(schema.name)
        return given(data, schema, *rest, **more)

    build_small(tmp_path)
    # Views without a face are read as they were rendered.
    write_rows(tmp_path, FRAMES, [])
    monkeypatch.setattr(tables, "read_table", recorded)
    monkeypatch.setattr(views, "read_table", recorded)
    monkeypatch.setattr(tables, "from_ply", lambda data, name: ([[0.0, 0.0, 0.0]], None))
    monkeypatch.setattr("headwater.data.training_tables.read_model", lambda data: None)
    monkeypatch.setattr("headwater.data.training_tables.template_of", lambda model: None)
    read_training_tables(tmp_path, samples=samples, validation=2, estimated=estimated)
    assert read == {schema.name for schema in tables_read(samples=samples, estimated=estimated)}


def test_a_build_in_which_nothing_pre_trains_reads_no_distances() -> None:
    assert SDF not in training_tables(PARAMS, PROJECT)
    assert SDF in training_tables(with_overrides("lvd", sdf_steps=5), PROJECT)


def test_systems_that_are_not_built_read_nothing() -> None:
    other = with_overrides("lvd", sdf_steps=5).model_copy(update={"build": {"glvd": "heads"}})
    assert SDF not in training_tables(other, PROJECT)
    assert training_tables(PARAMS.model_copy(update={"build": {}}), PROJECT) == ()


def test_a_system_from_outside_may_read_nothing() -> None:
    toys = PARAMS.model_copy(update={"plugins": {"toy": str(PLUGIN)}, "build": {"toy": "fields"}})
    assert training_tables(toys, PROJECT) == ()


def test_the_step_has_no_buckets_where_nothing_reads_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_small(tmp_path / "data")
    monkeypatch.setattr(sdf, "head_model_fingerprint", lambda params, project: {})
    assert len(list((tmp_path / "data" / "sdf" / "samples").glob("*.parquet"))) == 3
    assert plan(sdf.STEP, PARAMS, tmp_path) == []
    (tmp_path / "params.yaml").write_bytes((PROJECT / "params.yaml").read_bytes())
    assert build(sdf.STEP, tmp_path) == "nothing: no system of the build trains on it"
    assert list((tmp_path / "data" / "sdf" / "samples").iterdir()) == []
    assert [one for one in verify(tmp_path / "data").problems if "sdf" in str(one)] == []
    count = count_step(tmp_path / "data", "sdf")
    assert (count.items, count.rejects) == (0, 0)
