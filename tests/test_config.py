"""``params.yaml``: what is wrong is refused by name, before anything runs."""

import math
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from headwater.config import Params, load_params, valid_keys
from headwater.errors import HeadwaterError
from headwater.systems import SYSTEMS
from headwater.systems.settings import check_systems, config_of

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def raw() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    return content


def refusal(tmp_path: Path, content: object) -> str:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(HeadwaterError) as error:
        load_params(path)
    return str(error.value)


def test_the_projects_own_parameters_are_valid() -> None:
    params = load_params(PROJECT / "params.yaml")
    assert params.photos.folder
    assert params.synthesize.head_model == "anny"
    assert params.systems["glvd"].size == "small"


def test_parameters_cannot_be_changed() -> None:
    params = load_params(PROJECT / "params.yaml")
    with pytest.raises(ValidationError, match="frozen"):
        params.seed = 8


def keys(content: dict[str, Any], prefix: str = "") -> list[str]:
    """Dotted keys of nested dictionaries, in order."""
    found = []
    for key, value in content.items():
        found.append(prefix + key)
        if isinstance(value, dict):
            found += keys(value, f"{prefix}{key}.")
    return found


def test_the_file_shows_every_key(raw: dict[str, Any]) -> None:
    # A list of systems, whose names are no keys of the parameters.
    named = ("build.", "systems.", "plugins.")
    assert [key for key in keys(raw) if not key.startswith(named)] == valid_keys()


@pytest.mark.parametrize(
    ("group", "wrong", "nearest"),
    [
        ("synthesize", "subject", "synthesize.subjects"),
        ("synthesize", "head-model", "synthesize.head_model"),
        ("photos", "foldr", "photos.folder"),
        ("photos", "max_pixel", "photos.max_pixels"),
        ("systems.glvd", "sise", "systems.glvd.size"),
        (None, "sead", "seed"),
        (None, "system", "systems"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_valid_one(
    tmp_path: Path, raw: dict[str, Any], group: str | None, wrong: str, nearest: str
) -> None:
    inner = raw
    for part in group.split(".") if group else ():
        inner = inner[part]
    inner[wrong] = 3
    key = f"{group}.{wrong}" if group else wrong
    assert refusal(tmp_path, raw) == (
        f"params.yaml: unknown key {key}; the nearest valid key is {nearest}"
    )


@pytest.mark.parametrize("group", ["build", "systems"])
def test_an_unknown_system_is_named_with_the_nearest_known_one(
    tmp_path: Path, raw: dict[str, Any], group: str
) -> None:
    raw[group]["glvt"] = raw[group].pop("glvd")
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(HeadwaterError) as error:
        check_systems(load_params(path), tmp_path)
    assert str(error.value) == (
        f"params.yaml: {group}.glvt: unknown system 'glvt'; the nearest known one is 'glvd' of "
        f"{', '.join(SYSTEMS)}; take it out of {group}, or name the folder of its package under "
        "plugins"
    )


@pytest.mark.parametrize(
    ("group", "key"), [("build", "LVD"), ("systems", "a b"), ("plugins", "../x")]
)
def test_a_name_that_is_none_is_named(
    tmp_path: Path, raw: dict[str, Any], group: str, key: str
) -> None:
    raw[group][key] = "heads"
    assert f"params.yaml: {group} has the key {key!r}, but: string should match" in refusal(
        tmp_path, raw
    )


def test_a_key_with_a_dot_says_how_to_nest(tmp_path: Path, raw: dict[str, Any]) -> None:
    raw["photos.folder"] = "x"
    assert refusal(tmp_path, raw) == (
        "params.yaml: there is no key 'photos.folder'; write it nested, as photos: {folder: 'x'}"
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"size": "huge"}, "systems.glvd.size is 'huge', but the sizes of glvd are smoke, small"),
        (
            {"overrides": {"learning_rat": 1}},
            (
                "unknown key systems.glvd.overrides.learning_rat; "
                "the nearest valid key is systems.glvd.overrides.learning_rate"
            ),
        ),
        (
            {"overrides": {"localiser": {"stepz": 1}}},
            (
                "unknown key systems.glvd.overrides.localiser.stepz; "
                "the nearest valid key is systems.glvd.overrides.localiser.steps"
            ),
        ),
        ({"overrides": {"steps": 0}}, "systems.glvd.overrides.steps is 0, but: "),
        (
            {"overrides": {"steps": True}},
            "systems.glvd.overrides.steps is True, but: true and false are no values of it",
        ),
        ({"overrides": {"learning_rate": False}}, "learning_rate is False, but: true and false"),
        ({"overrides": {"localiser": {"stride": True}}}, "localiser.stride is True, but: true"),
        (
            {"overrides": {"keypoint_shares": [True, 0.1]}},
            "keypoint_shares is [True, 0.1], but: true and false are no values of it",
        ),
        ({"overrides": {"mirror": 3}}, "systems.glvd.overrides.mirror is 3, but: "),
        ({"overrides": {"learning_rate": math.inf}}, "learning_rate is inf, but: "),
        ({"overrides": {"weight_decay": math.nan}}, "weight_decay is nan, but: "),
        ({"overrides": {"learning_rate": "1e30"}}, "learning_rate is 1e+30, but: "),
        ({"overrides": {"steps": 10**30}}, "systems.glvd.overrides.steps is 1000"),
        ({"overrides": {"sdf_steps": 10**30}}, "systems.glvd.overrides.sdf_steps is 1000"),
        ({"overrides": {"iterations": 10**9}}, "iterations is 1000000000, but: "),
        ({"overrides": {"localiser": {"steps": 10**30}}}, "localiser.steps is 1000"),
        ({"overrides": {"threads": 10**6}}, "threads is 1000000, but: "),
        ({"overrides": {"beta1": 1.0}}, "beta1 is 1.0, but: "),
        ({"overrides": {"near_sigmas_mm": []}}, "near_sigmas_mm is [], but: "),
        ({"overrides": {"width": 50}}, "width is 50, but: input should be a multiple of 8"),
        ({"overrides": {"localiser": {"width": 20}}}, "localiser.width is 20, but: input should"),
        (
            {"overrides": {"image_px": 100}},
            "overrides: image_px 100 is no multiple of 32, stride 4 times 2 to the power of depth",
        ),
        (
            {"overrides": {"keypoint_depth": 6}},
            "image_px 128 is no multiple of 256, stride 4 times 2 to the power of keypoint_depth 6",
        ),
        (
            {"overrides": {"heatmaps": "trained", "localiser": {"middle": 0.7}}},
            "localiser: the 90 px that it sees are no multiple of 32, its stride 4 times 2 to",
        ),
        (
            {"overrides": {"keypoint_shares": [0.9, 0.9]}},
            "systems.glvd.overrides.keypoint_shares is [0.9, 0.9], but: their sum is above 1",
        ),
        (
            {"overrides": {"heatmaps": {"sha256": "abc", "maps": 3}}},
            "systems.glvd.overrides.heatmaps: maps, net and sha256 are those of source net",
        ),
        (
            {"overrides": {"heatmaps": "trainedd"}},
            "systems.glvd.overrides.heatmaps is 'trainedd', but: name a network's .onnx file, or",
        ),
        (
            {"overrides": {"heatmaps": "nowhere.onnx"}},
            "systems.glvd.overrides.heatmaps is 'nowhere.onnx', but there is no such file",
        ),
        (
            {"overrides": {"space": "camera"}},
            "systems.glvd.overrides: space camera goes without template_prior and start template",
        ),
        (
            {"overrides": {"answer.iterations": 3}},
            (
                "systems.glvd.overrides has no key 'answer.iterations'; write it nested, as "
                "answer: {iterations: 3}"
            ),
        ),
        (
            {"overrides": {3: 4}},
            "systems.glvd.overrides has the key 3, but: input should be a valid string",
        ),
        ({"overrides": {"answer": {"iterations": 0}}}, "overrides.answer.iterations is 0, but: "),
    ],
)
def test_what_a_system_does_not_know_is_named(
    tmp_path: Path, raw: dict[str, Any], settings: dict[str, Any], said: str
) -> None:
    raw["systems"]["glvd"].update(settings)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(HeadwaterError) as error:
        check_systems(load_params(path), tmp_path)
    assert str(error.value).startswith("params.yaml: ")
    assert said in str(error.value)
    assert max(map(len, str(error.value).splitlines())) < 200


def test_overrides_reach_the_config(tmp_path: Path, raw: dict[str, Any]) -> None:
    raw["systems"]["glvd"]["overrides"] = {"steps": 7, "localiser": {"steps": 3}}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    config = config_of(SYSTEMS["glvd"], load_params(path), tmp_path)
    usual = SYSTEMS["glvd"].sizes["small"]
    assert (config.steps, config.localiser.steps) == (7, 3)
    restored = {"steps": usual.steps, "localiser": usual.localiser}
    assert config.model_copy(update=restored) == usual


def test_another_challenge_than_a_systems_own_is_refused(
    tmp_path: Path, raw: dict[str, Any]
) -> None:
    raw["build"]["glvd"] = "clips"
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(HeadwaterError, match=r"build\.glvd is 'clips', but glvd answers 'heads'"):
        check_systems(load_params(path), tmp_path)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"test": 0.0, "validation": 0.1}, "split.test is 0, which leaves nobody to judge glvd on"),
        (
            {"test": 0.6, "validation": 0.4},
            "split.validation are 1 together, which leaves nobody to train glvd on; lower them",
        ),
    ],
)
def test_a_split_that_leaves_nobody_is_refused_where_somebody_is_needed(
    tmp_path: Path, raw: dict[str, Any], split: dict[str, float], said: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({**raw, "split": split}), encoding="utf-8")
    with pytest.raises(HeadwaterError) as error:
        check_systems(load_params(path), tmp_path)
    assert str(error.value).startswith("params.yaml: split.test ")
    assert said in str(error.value)
    path.write_text(yaml.safe_dump({**raw, "split": split, "build": {}}), encoding="utf-8")
    check_systems(load_params(path), tmp_path)


def test_yaml_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("# first\nseed 7\nbuckets: 16\n")
    with pytest.raises(HeadwaterError) as error:
        load_params(path)
    said = "not valid YAML: line 3, column 8: mapping values are not allowed here"
    assert str(error.value) == f"{path}: {said}"


@pytest.mark.parametrize(
    ("more", "place", "key", "first"),
    [
        ("build: {glvd: heads}\n", "line {}, column 1", "build", "build:"),
        ("'seed': 8\n", "line {}, column 1", "seed", "seed:"),
        ("x:\n  a: 1\n  b: {c: 1, c: 2}\n", "line {}, column 13", "c", "  b:"),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_its_lines(
    tmp_path: Path, more: str, place: str, key: str, first: str
) -> None:
    text = (PROJECT / "params.yaml").read_text(encoding="utf-8") + more
    lines = text.splitlines()
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HeadwaterError) as error:
        load_params(path)
    number = next(n for n, line in enumerate(lines, 1) if line.startswith(first))
    where = place.format(len(lines))
    assert str(error.value) == (
        f"{path}: not valid YAML: {where}: key {key!r} is there twice, first in line {number}"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "seven"),
        ("seed", -1),
        ("seed", True),
        ("seed", 7.5),
        ("buckets", 0),
        ("max_reject_rate", 1.5),
        ("max_reject_rate", float("nan")),
        ("photos.folder", 3),
        ("photos.folder", ""),
        ("photos.folder", None),
        ("synthesize.subjects", "256"),
        ("synthesize.subjects", 0),
        ("synthesize.views", [1, 2]),
        ("systems.glvd.device", "gpu"),
        ("systems.glvd", None),
        ("split", 0.2),
    ],
)
def test_a_wrong_value_is_named(
    tmp_path: Path, raw: dict[str, Any], key: str, value: object
) -> None:
    *groups, last = key.split(".")
    inner = raw
    for group in groups:
        inner = inner[group]
    inner[last] = value
    said = refusal(tmp_path, raw)
    assert said.startswith(f"params.yaml: {key} ")
    assert repr(value) in said


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("seed: 010", 1, "010 is not written in decimal digits alone; YAML reads it as 8"),
        ("seed: 0x10", 1, "0x10 .* as 16"),
        ("seed: 0b11", 1, "0b11 .* as 3"),
        ("a: 1\nseed: 1:30", 2, "1:30 .* as 90"),
        ("seed: [{a: -017}]", 1, "-017 .* as -15"),
        ("seed: 1:30.5", 1, "1:30.5 .* as 90.5"),
        ("010: 1", 1, "010 .* as 8"),
    ],
)
def test_a_number_that_yaml_reads_as_another_is_refused(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(HeadwaterError, match=rf"not valid YAML: line {line}, column \d+: {said}"):
        load_params(path)


@pytest.mark.parametrize("seed", ["0", "7", "1_000", "+7", "10"])
def test_numbers_in_decimal_digits_are_read(tmp_path: Path, seed: str) -> None:
    path = tmp_path / "params.yaml"
    text = (PROJECT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^seed: .*$", f"seed: {seed}", text))
    assert load_params(path).seed == int(seed)


@pytest.mark.parametrize(
    ("share", "number"),
    [("1e-05", 1e-5), ("5e-4", 5e-4), (".5e-1", 0.05), ("1.E-2", 0.01), ("2.5E-02", 0.025)],
)
def test_a_number_with_an_exponent_is_read_as_dvc_reads_it(
    tmp_path: Path, share: str, number: float
) -> None:
    path = tmp_path / "params.yaml"
    text = (PROJECT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^  test: .*$", f"  test: {share}", text))
    read = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    assert load_params(path).split.test == number == read["split"]["test"]


@pytest.mark.parametrize("name", ["1e5x", "e5", "1e", "1e5-2"])
def test_a_name_with_digits_is_no_number(tmp_path: Path, name: str) -> None:
    path = tmp_path / "params.yaml"
    text = (PROJECT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^  licence: \S+", f"  licence: {name}", text))
    assert load_params(path).photos.licence == name


@pytest.mark.parametrize(
    "folder",
    [
        *(".", "..", "data", "data/", "./data/../data", "data/photos", "data/evaluate/x"),
        *("/", ".dvc/cache", ".headwater", ".git", "linked", "{project}", "{project}/data/sdf"),
    ],
)
def test_photos_among_the_builds_own_files_are_refused(
    tmp_path: Path, raw: dict[str, Any], folder: str
) -> None:
    (tmp_path / "linked").symlink_to(tmp_path / "data")
    folder = folder.format(project=tmp_path)
    raw["photos"]["folder"] = folder
    said = refusal(tmp_path, raw)
    assert said.startswith(f"params.yaml: photos.folder is {folder!r}, ")
    assert "\n" not in said


@pytest.mark.parametrize("folder", ["data/portraits", "photos", "data2", "/nowhere", "loop/a"])
def test_photos_elsewhere_are_none_of_the_builds_files(
    tmp_path: Path, raw: dict[str, Any], folder: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    raw["photos"]["folder"] = folder
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    assert load_params(tmp_path / "params.yaml").photos.folder == folder


def test_every_problem_is_named_at_once(tmp_path: Path, raw: dict[str, Any]) -> None:
    raw["sead"] = raw.pop("seed")
    raw["sdf"]["samples"] = -5
    lines = refusal(tmp_path, raw).splitlines()
    assert len(lines) == 3
    assert {"params.yaml: key seed is missing"} <= set(lines)


@given(st.sampled_from(valid_keys()))
@settings(max_examples=40, deadline=None)
def test_every_key_is_needed(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    content = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    *groups, last = key.split(".")
    inner = content
    for group in groups:
        inner = inner[group]
    del inner[last]
    assert f"key {key} is missing" in refusal(tmp_path_factory.mktemp("params"), content)


def test_a_system_with_a_size_alone_runs_on_the_cpu_without_overrides(
    tmp_path: Path, raw: dict[str, Any]
) -> None:
    raw["systems"]["glvd"] = {"size": "smoke"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    found = load_params(tmp_path / "params.yaml").system("glvd")
    assert (found.size, found.device, found.overrides) == ("smoke", "cpu", {})


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "just words", "a: [1, 2", "a: \x00"])
def test_a_file_that_holds_no_parameters_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HeadwaterError, match=r"params\.yaml: (must hold keys|not valid YAML)"):
        load_params(path)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"seed: \xff\xfe")
    with pytest.raises(HeadwaterError, match=r"params\.yaml: not valid YAML"):
        load_params(path)


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="run from the project's folder"):
        load_params(tmp_path / "params.yaml")


def test_nothing_valid_is_unreachable() -> None:
    assert len(set(valid_keys())) == len(valid_keys())
    assert set(Params.model_fields) <= set(valid_keys())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("seed: &a [1]\nbuckets: *a\n", "aliases are not read .line 2"),
        ("seed: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("seed: " + "9" * 5000, "not valid YAML"),
        ("? [1, 2]\n: 3\n", "not valid YAML"),
        ("seed: 2020-13-45\n", "not valid YAML"),
        ("seed: \x00", "not valid YAML"),
        ("#" * 70_000, "at most 65536 are read"),
        ("a: &x b\nc: 1\n", "unknown key a"),
        ("seed: " + "x" * 60_000, "seed is 'xxx"),
    ],
)
def test_hostile_parameters_are_refused_in_few_words(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(HeadwaterError, match=said) as error:
        load_params(path)
    assert max(map(len, str(error.value).splitlines())) < 500


def test_parameters_in_a_pipe_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "params.yaml")
    with pytest.raises(HeadwaterError, match="it is a pipe"):
        load_params(tmp_path / "params.yaml")
