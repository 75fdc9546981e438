"""A forecast names what runs for certain with its reason, and what follows as a condition."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from flows.forecast import Buckets, Fate, Known, forecast, own_reasons
from flows.forecast_lines import last_line, leaving, lines
from flows.graph import Recorded, Stage
from flows.hash_files import read_from
from flows.reasons import of_contents, of_settings
from headwater.upkeep.recorded import md5_of

TABLES = ("photos", "synthesize", "ingest", "landmarks")
# By stage: what it reads, in the order of the graph.
READS = {
    "code": ["headwater"],
    "photos": ["pictures", "data/code/photos.json"],
    "head_model": ["data/code/head_model.json"],
    "synthesize": ["data/head_model", "data/code/synthesize.json"],
    "ingest": ["data/photos", "data/synthesize", "data/code/ingest.json"],
    "landmarks": ["data/ingest", "data/code/landmarks.json"],
    "contents": ["data/head_model", "data/ingest", "data/landmarks", "data/code/contents.json"],
    "inputs@a": ["headwater", "data/contents", "data/code/inputs.json"],
    "train@a": ["data/inputs/a/train.json"],
    "evaluate@a": ["data/inputs/a/evaluate.json", "data/train/a"],
    "reconstruct@a": ["data/inputs/a/reconstruct.json", "data/train/a"],
    "report": ["data/ingest", "data/inputs", "data/train", "data/evaluate", "data/reconstruct"],
}


def out_of(name: str) -> str:
    step, _, key = name.partition("@")
    return f"data/{step}/{key}" if key else f"data/{step}"


def graph() -> dict[str, Stage]:
    stages = {}
    for name, deps in READS.items():
        needs = {
            other
            for other in stages
            for dep in deps
            if f"{dep}/".startswith(f"{out_of(other)}/") or out_of(other).startswith(f"{dep}/")
        }
        outs = (out_of(name),)
        stages[name] = Stage(name, "", frozenset(needs), name in TABLES, outs, tuple(deps))
    return stages


def rows(source: str, *splits: str) -> dict[str, Any]:
    groups = {f"{source}/{split}": "0" for split in splits}
    return {"head_model": "1", "rows": {"ingest/frames": groups, "landmarks/landmarks": groups}}


def code(package: str = "2.1") -> dict[str, Any]:
    return {"code": "0", "packages": {"numpy": package}}


STEPS = ("photos", "head_model", "synthesize", "ingest", "landmarks", "contents", "inputs")
FILES = {f"data/code/{step}.json": code() for step in STEPS} | {
    "data/inputs/a/train.json": {
        "config": {"learning_rate": 0.001},
        **code(),
        **rows("synthetic", "train"),
    },
    "data/inputs/a/evaluate.json": {"config": {}, **rows("synthetic", "test"), "other": {}},
    "data/inputs/a/reconstruct.json": {"config": {}, **rows("photo", "train")},
}


EDITED = {"code": ["headwater changed"], "inputs@a": ["headwater changed"]}


@dataclass
class World:
    """A build that is up to date, and what was changed of it."""

    own: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    planned: dict[str, Buckets] = field(default_factory=dict)

    def lines(self) -> list[str]:
        stages, files = graph(), {**FILES, **self.files}
        old = {path: _bytes(value) for path, value in FILES.items()}
        md5s = {path: md5_of(content) for path, content in old.items()}
        records = {
            name: Recorded({dep: md5s.get(dep, "0") for dep in stage.deps}, {}, {})
            for name, stage in stages.items()
        }

        def of(name: str, values: dict[str, Any]) -> dict[str, bytes]:
            inside = out_of(name) + "/"
            return {p: _bytes(value) for p, value in values.items() if p.startswith(inside)}

        known = Known(
            former=lambda md5, path: old.get(path) if md5s.get(path) == md5 else None,
            foretell=lambda name: of(name, files),
            recorded=lambda name: of(name, FILES),
            plan=self.planned.get,
            buckets=lambda name: Buckets(frozenset(range(4))),
        )
        fates = forecast(stages, self.own, records, known)
        return [*lines(stages, fates), last_line(fates, 0)]


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def buckets(*changed: int, cached: tuple[int, ...] = (), of: int = 4) -> Buckets:
    return Buckets(frozenset(range(of)), frozenset(changed), frozenset(cached))


def test_a_build_that_holds_has_nothing_to_do() -> None:
    assert World().lines() == ["all 12 stages hold: `make repro` has nothing to do"]


def test_a_comment_costs_hashes_alone() -> None:
    world = World(EDITED)
    assert world.lines() == ["hashes alone, in seconds: code, inputs@a", "10 of 12 stages hold"]


def test_a_new_photo_changes_a_bucket_in_each_step_and_trains_nothing() -> None:
    world = World({"photos": ["pictures changed"]}, planned={"photos": buckets(2, of=3)})
    assert world.lines() == [
        "photos: 1 of 3 buckets: pictures changed",
        "ingest: up to 1 of 4 buckets, if photos' rows change",
        "landmarks: up to 1 of 4 buckets, if ingest's rows change",
        "reconstruct@a: if ingest's rows change",
        "report: if ingest's rows change",
        "hashes alone, in seconds: contents, inputs@a",
        "5 of 12 stages hold",
    ]


def test_a_bucket_that_a_photo_adds_counts_for_those_that_follow() -> None:
    world = World({"photos": ["pictures changed"]}, planned={"photos": buckets(7, of=3)})
    assert "ingest: up to 1 of 5 buckets, if photos' rows change" in world.lines()


def test_other_rows_for_certain_are_no_reason_of_those_behind_them() -> None:
    world = World({"landmarks": ["setting a: 1 -> 2"]}, planned={"landmarks": buckets(0, 1, 2, 3)})
    assert world.lines() == [
        "landmarks: 4 of 4 buckets: setting a: 1 -> 2",
        "train@a: if landmarks' rows change",
        "evaluate@a: if landmarks' rows change",
        "reconstruct@a: if landmarks' rows change",
        "report: if landmarks' rows change",
        "hashes alone, in seconds: contents, inputs@a",
        "5 of 12 stages hold",
    ]


def test_a_stage_of_which_no_bucket_changes_lets_none_follow() -> None:
    world = World({"ingest": ["setting limit: 1 -> 2"]}, planned={"ingest": buckets()})
    assert world.lines() == [
        "ingest: 0 of 4 buckets: setting limit: 1 -> 2",
        "11 of 12 stages hold",
    ]


def test_a_condition_names_every_stage_that_may_change_first() -> None:
    own = {"photos": ["pictures changed"], "synthesize": ["setting a: 1 -> 2"]}
    world = World(own, planned={"photos": buckets(0), "synthesize": buckets(1)})
    said = world.lines()
    assert "ingest: up to 2 of 4 buckets, if the rows of photos or synthesize change" in said
    assert "landmarks: up to 2 of 4 buckets, if ingest's rows change" in said
    # It reads ingest, whose rows have two ways to change, and landmarks, which follow ingest.
    assert "report: if ingest's rows change" in said


def test_buckets_in_the_cache_are_told_from_those_to_compute() -> None:
    own = {"landmarks": ["setting a: 1 -> 2"]}
    some = World(own, planned={"landmarks": buckets(0, 1, 2, cached=(1,))}).lines()
    assert some[0] == "landmarks: 3 of 4 buckets, 1 of them from the cache: setting a: 1 -> 2"
    every = World(own, planned={"landmarks": buckets(0, 1, cached=(0, 1))}).lines()
    assert every[0] == "landmarks: 2 of 4 buckets, from the cache: setting a: 1 -> 2"


def test_a_stage_with_a_reason_and_further_buckets_says_both() -> None:
    own = {"photos": ["pictures changed"], "ingest": ["1 item to try again (crashed 1)"]}
    world = World(own, planned={"photos": buckets(1, 2), "ingest": buckets(1)})
    assert world.lines()[1] == (
        "ingest: 1 of 4 buckets: 1 item to try again (crashed 1); "
        "up to 2 of 4 buckets, if photos' rows change"
    )


def test_an_edited_function_names_the_steps_that_execute_it() -> None:
    world = World(
        EDITED,
        {"data/code/landmarks.json": {**code(), "code": "1"}},
        {"landmarks": buckets(0, 1, 2, 3)},
    )
    said = world.lines()
    assert said[0] == "landmarks: 4 of 4 buckets: code that it executes"
    assert not any(line.startswith(("ingest", "photos")) for line in said)


def test_another_package_is_named_with_both_versions() -> None:
    world = World(
        {"code": ["other packages"]},
        {"data/code/head_model.json": code("2.2")},
    )
    said = world.lines()
    assert said[0] == "head_model: package numpy: 2.1 -> 2.2"
    assert said[1] == "synthesize: up to 4 of 4 buckets, if head_model's outputs change"
    assert "train@a: if head_model's outputs change" in said


def test_a_setting_of_a_system_trains_it_and_what_follows_says_if() -> None:
    other = {**FILES["data/inputs/a/train.json"], "config": {"learning_rate": 0.002}}
    world = World({"inputs@a": ["setting systems.a: 1 -> 2"]}, {"data/inputs/a/train.json": other})
    assert world.lines() == [
        "train@a: setting learning_rate: 0.001 -> 0.002",
        "evaluate@a: if train@a's outputs change",
        "reconstruct@a: if train@a's outputs change",
        "report: other outputs of inputs@a",
        "hashes alone, in seconds: inputs@a",
        "7 of 12 stages hold",
    ]


def test_hashes_of_rows_made_another_way_leave_everything_behind_them_open() -> None:
    said = World({"contents": ["other code"]}).lines()
    assert "train@a: if contents' outputs change" in said


def test_a_stage_that_was_never_built_says_so() -> None:
    said = World({name: ["not built yet"] for name in ("inputs@a", "train@a")}).lines()
    assert said[:2] == ["train@a: not built yet", "evaluate@a: if train@a's outputs change"]


def test_a_system_that_leaves_the_build_takes_its_data_with_it() -> None:
    recorded = ["train@b", "code", "evaluate@b", "train@a", "photos", "train@b"]
    assert leaving(graph(), recorded) == [
        "b: leaves the build, and its data goes with evaluate@b, train@b"
    ]
    # There is something to do, though every stage that stays holds.
    assert last_line({"train@a": Fate()}, 1) == "1 of 1 stages hold"


def test_many_reasons_are_counted() -> None:
    said = World({"report": [f"setting {name}: 1 -> 2" for name in "abcde"]}).lines()
    assert said[0] == (
        "report: setting a: 1 -> 2; setting b: 1 -> 2; setting c: 1 -> 2; and 2 more"
    )


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ({"rows": {"ingest/frames": {"photo/train": "0"}}}, ("ingest",)),
        ({"rows": {"ingest/frames": {"synthetic/train": "0"}}}, ()),
        # A new photo may be the first of a group.
        ({"questions": {"rows": {"ingest/frames": {}}}}, ("ingest",)),
        ({"rows": {"ingest/rejects": {}, "masks/masks": {"photo/train": "0"}}}, ("ingest",)),
        ({"rows": {"ingest/rejects": {}, "masks/masks": {"synthetic/train": "0"}}}, ()),
        ({"rows": {"masks/masks": {"photo/train": "0"}}}, ()),
        ({"rows": {}}, ()),
        ({"other": {}}, ("other_heads",)),
        ({"x": {"head_model": "0"}}, ("head_model",)),
        (["ingest/frames"], ()),
    ],
)
def test_a_file_of_hashes_stands_for_rows_of_its_tables_and_sources(
    content: Any, read: tuple[str, ...]
) -> None:
    sources = {"ingest": {"photo"}, "head_model": {"photo"}, "other_heads": {"synthetic"}}
    assert read_from(_bytes(content), sources) == read


OUTPUTS = {"changed outs": {"data/ingest": "deleted"}}


@pytest.mark.parametrize(
    ("changes", "whole", "reasons"),
    [
        ({}, (), []),
        ({"ingest": ["changed command"]}, (), ["another command"]),
        ({"photos": [{"changed deps": {"pictures": "modified"}}]}, (), ["pictures changed"]),
        ({"photos": [{"changed deps": {"pictures": "deleted"}}]}, (), ["pictures is gone"]),
        (
            {"ingest": [{"changed deps": {"data/photos": "modified"}}]},
            (),
            ["other outputs of photos"],
        ),
        # Told from the files themselves, and from the parameters.
        ({"photos": [{"changed deps": {"data/code/photos.json": "modified"}}]}, (), []),
        ({"ingest": [{"changed deps": {"params.yaml": {"seed": "modified"}}}]}, (), []),
        ({"ingest": [OUTPUTS]}, ("data/ingest",), []),
        (
            {"ingest": [OUTPUTS]},
            (),
            ["data/ingest is not as recorded, nor whole in DVC's cache"],
        ),
        # It comes back, or ingest is made again.
        (
            {"ingest": [OUTPUTS], "landmarks": [{"changed deps": {"data/ingest": "deleted"}}]},
            ("data/ingest",),
            [],
        ),
    ],
)
def test_what_dvc_sees_is_said_in_words(
    changes: dict[str, list[Any]], whole: tuple[str, ...], reasons: list[str]
) -> None:
    name = next(reversed(changes), "ingest")
    assert own_reasons(graph(), name, changes, whole) == reasons


def test_settings_are_named_down_to_their_single_values() -> None:
    before = {"seed": 7, "systems": {"a": {"size": "small", "overrides": {}}}, "url": "a"}
    now = {"seed": 7, "systems": {"a": {"size": "small", "overrides": {"lr": 0.5}}}, "url": ""}
    assert of_settings(before, now) == [
        "setting url: a -> ''",
        "setting systems.a.overrides.lr: unset -> 0.5",
    ]


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({"config": {"a": {"b": 1}}}, {"config": {"a": {"b": 2}}}, ["setting a.b: 1 -> 2"]),
        ({"stage": {"code": "0"}, "code": "1"}, {"code": "2"}, ["code that it executes"]),
        ({"packages": {"a.b": "1"}}, {"packages": {}}, ["package a.b: 1 -> unset"]),
        ({"rows": {"t/x": {"a/b": "0"}}}, {"rows": {"t/x": {"a/b": "1"}}}, ["rows of t/x"]),
        ({"head_model": "0"}, {"head_model": "1"}, ["the head model"]),
        ({"challenge": {"unit": "mm"}}, {"challenge": {"unit": "m"}}, ["its challenge's words"]),
        (["a"], ["b"], []),
    ],
)
def test_files_of_hashes_are_compared_in_words(before: Any, now: Any, words: list[str]) -> None:
    assert of_contents(_bytes(before), _bytes(now)) == words
    assert of_contents(None, _bytes(now)) == []
    assert of_contents(b"{", _bytes(now)) == []


def test_a_fate_without_reasons_and_doubts_holds() -> None:
    assert Fate().holds
    assert not Fate().moves
    assert Fate(("a",), most=buckets(1)).moves
    assert not Fate(("a",), most=buckets()).moves
