"""The parameters of a build: ``params.yaml``, typed; a wrong key or value is refused by name."""

import difflib
import re
import reprlib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from headwater.artifacts.images import MAX_PIXELS, MAX_SIDE_PX
from headwater.artifacts.regular_files import existing_path, read_file
from headwater.errors import HeadwaterError

MAX_BYTES = 2**16
MAX_DEPTH = 10
DEFAULT_SIZE = "small"
# Folders of a project that DVC, builds and Git write.
OWN_FOLDERS = ("data", ".dvc", ".headwater", ".git")
PORTRAITS = "data/portraits"
# Octal, hexadecimal, binary, and minutes or hours.
_OTHER_BASE = re.compile(r"[-+]?0[0-9_bx]|.*:")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Reads numbers like 1e-05, which PyYAML takes for texts and DVC writes (YAML 1.2), as such."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


class Settings(BaseModel):
    """Base of all parameter groups: frozen, unknown keys refused, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Split(Settings):
    """Shares of the subjects that are held out."""

    test: Share
    validation: Share


class Cache(Settings):
    """Cache of finished buckets: a folder or an fsspec URL shared by a team."""

    url: Annotated[str, Field(min_length=1)]


class Photos(Settings):
    """Photos from a folder.

    subjects: what is a subject, which is in one split: each ``photo``, or each ``folder`` below it,
    whose photos show one person.
    """

    folder: Annotated[str, Field(min_length=1)]
    subjects: Literal["photo", "folder"]
    licence: Annotated[str, Field(min_length=1)]
    max_pixels: Annotated[int, Field(ge=1, le=MAX_PIXELS)]
    max_side_px: Annotated[int, Field(ge=64, le=MAX_SIDE_PX)]


class Synthesize(Settings):
    """Synthetic heads."""

    head_model: Annotated[str, Field(min_length=1)]
    subjects: Count
    views: Annotated[int, Field(ge=1, le=64)]
    image_px: Annotated[int, Field(ge=64, le=2048)]


class Ingest(Settings):
    """Frames around faces: of every photo's largest one, or of all that are large enough."""

    faces: Literal["largest", "all"]
    frame_px: Annotated[int, Field(ge=64, le=2048)]


LabelOrder = Literal["helen_11", "celeb_19", "celeb_19_bisenet", "farl_19"]


class Parts(Settings):
    """Face parts of frames: from landmarks, or by a parser, trained here or the user's own.

    parser: ``landmarks``, ``trained``, or an .onnx file. labels: the order of that file's classes.
    """

    parser: str
    labels: LabelOrder

    @field_validator("parser")
    @classmethod
    def _known(cls, parser: str) -> str:
        if parser in ("landmarks", "trained") or parser.lower().endswith(".onnx"):
            return parser
        raise ValueError("it is landmarks, trained, or the path of an .onnx file")


class Expressions(Settings):
    """Synthetic expressions of frontal faces.

    patterns: ``three`` kinds, or the 24 of the ``paper`` (PRDL). pixels: how these 24 are painted:
    by a warp of the frame, or by a generator that the build trains. strength: factor on all
    expressions.
    """

    frontal_degrees: Annotated[float, Field(gt=0, le=90)]
    synthetic_subjects: Annotated[int, Field(ge=0, le=1_000_000)]
    patterns: Literal["three", "paper"]
    pixels: Literal["warp", "spade", "maskgan"]
    strength: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _of_patterns(self) -> "Expressions":
        if self.pixels != "warp" and self.patterns != "paper":
            raise ValueError(f"pixels {self.pixels} are of the 24 patterns; set patterns to paper")
        return self


class Sdf(Settings):
    """Signed distance samples."""

    samples: Annotated[int, Field(ge=16, le=1_000_000)]
    near_share: Share


class Maps(Settings):
    """Depth and correspondence maps of faces.

    compat: ``3ddfa`` adds that project's 8-bit files of every rendered view.
    """

    compat: Literal["none", "3ddfa"]


class Benchmark(Settings):
    """Test heads: ``views`` of each, the held-out ones and those of another head model.

    No system trains on the latter; there are none where ``other_head_model`` is empty.
    """

    other_head_model: Annotated[str, Field(pattern=r"^$|^anny$|^ict:.+")]
    subjects: Count
    views: Annotated[int, Field(ge=1, le=64)]


# Where buckets are computed: see tasks/runners.py.
Runner = Annotated[str, Field(pattern=r"^(processes|threads|dask://[A-Za-z0-9_.-]+:[0-9]{1,5})$")]
SystemName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]


class SystemSettings(Settings):
    """The size of a system, the devices that it runs on, and what differs from that size.

    devices: how many share each batch of a training; 0 is every GPU that is there, or one process
    on the CPU. precision: of products of matrices in a training, bf16 on GPUs alone. overrides:
    settings of the system's own config by name, nested as there.
    """

    size: Annotated[str, Field(min_length=1)]
    device: Literal["cpu", "cuda"] = "cpu"
    devices: Annotated[int, Field(ge=0, le=1024)] = 0
    precision: Literal["32", "bf16"] = "32"
    overrides: dict[str, Any] = Field(default_factory=dict)


class Params(Settings):
    """Everything in ``params.yaml``."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    buckets: Annotated[int, Field(ge=1, le=999)]
    max_reject_rate: Share
    split: Split
    cache: Cache
    runner: Runner
    photos: Photos
    synthesize: Synthesize
    ingest: Ingest
    parts: Parts
    expressions: Expressions
    sdf: Sdf
    maps: Maps
    benchmark: Benchmark
    plugins: dict[SystemName, Annotated[str, Field(min_length=1, max_length=1024)]]
    build: dict[SystemName, str]
    systems: dict[SystemName, SystemSettings]

    def system(self, name: str, sizes: Collection[str] = (DEFAULT_SIZE,)) -> SystemSettings:
        """Settings of a system; where there are none, size small or the first of ``sizes``."""
        if name in self.systems:
            return self.systems[name]
        size = DEFAULT_SIZE if DEFAULT_SIZE in sizes else next(iter(sizes))
        return SystemSettings(size=size)


def load_params(path: Path) -> Params:
    """Read and check ``params.yaml``.

    Raises HeadwaterError naming every wrong key with the nearest valid one, every wrong value, and
    another head model or a parser that is not there. ``headwater.systems`` checks what systems are
    given.
    """
    if not path.exists():
        raise HeadwaterError(f"{path}: not found; run from the project's folder")
    data = read_file(path, MAX_BYTES)
    try:
        raw = _yaml(data.decode())
    except (yaml.YAMLError, ValueError) as error:
        raise HeadwaterError(f"{path}: not valid YAML: {_place_and_problem(error)}") from error
    if not isinstance(raw, dict):
        raise HeadwaterError(f"{path}: must hold keys and values")
    try:
        params = Params.model_validate(raw)
    except ValidationError as error:
        raise HeadwaterError(explained(error, path.name, valid_keys())) from error
    _check_photos(params, path)
    _check_other_head_model(params, path)
    _check_parser(params, path)
    return params


def _yaml(text: str) -> Any:
    """Content of YAML without what parameters have no use for and bombs are made of.

    Raises YAMLError or ValueError.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"aliases are not read (line {event.start_mark.line + 1})")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.YAMLError(f"it is nested too deeply (line {event.start_mark.line + 1})")
    _refuse_slips(yaml.compose(text, Loader=_Loader))
    return yaml.load(text, Loader=_Loader)  # noqa: S506  as safe as its base


def _refuse_slips(node: Any) -> None:
    """Raise YAMLError for what YAML takes for something else than most who write it.

    That is a key that stands twice in one mapping, of which YAML takes the last, and a number in
    another base than ten.
    """
    if isinstance(node, yaml.ScalarNode):
        _refuse_other_base(node)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_slips(value)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (name := (key.tag, key.value)) in lines:
                    twice = f"key {reprlib.repr(key.value)} is there twice"
                    problem = f"{twice}, first in line {lines[name]}"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                lines[name] = key.start_mark.line + 1
            _refuse_slips(key)
            _refuse_slips(value)


def _refuse_other_base(node: yaml.ScalarNode) -> None:
    number = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
    if number and _OTHER_BASE.match(node.value):
        read = yaml.safe_load(node.value)
        problem = f"{node.value} is not written in decimal digits alone; YAML reads it as {read}"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _place_and_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}"


def _check_photos(params: Params, path: Path) -> None:
    """DVC would find the build's own files among the photos only once the build runs."""
    name, project = params.photos.folder, path.parent.resolve()
    try:
        folder = (project / name).resolve()
    except (OSError, RuntimeError, ValueError):  # as a link to itself; it is missed where it counts
        return
    own = [project / one for one in OWN_FOLDERS]
    inside = any(folder.is_relative_to(one) for one in own)
    if (inside and folder != project / PORTRAITS) or folder in project.parents or folder == project:
        holds = "among the build's own files" if inside else "which holds the build's own files"
        raise HeadwaterError(
            f"{path.name}: photos.folder is {name!r}, {holds}; name a folder of photos "
            f"outside of {', '.join(OWN_FOLDERS)}, or {PORTRAITS}"
        )


def _check_other_head_model(params: Params, path: Path) -> None:
    """Hours of a build must not pass before a wrong path is found."""
    spec = params.benchmark.other_head_model
    key = f"{path.name}: benchmark.other_head_model is {spec!r}"
    source = spec.partition(":")[2]
    if source and existing_path(path.parent, source) is None:
        raise HeadwaterError(f"{key}, but there is no {source}; leave it empty to do without")
    if spec and spec == params.synthesize.head_model:
        raise HeadwaterError(
            f"{key}, the one that systems train on; name another or leave it empty"
        )


def _check_parser(params: Params, path: Path) -> None:
    """Nor before the file of a parser is missed."""
    name = params.parts.parser
    if name in ("landmarks", "trained"):
        return
    found = existing_path(path.parent, name)
    if found is None or found.is_dir():
        raise HeadwaterError(
            f"{path.name}: parts.parser is {reprlib.repr(name)}, but there is no such file; "
            "name one, or landmarks or trained"
        )


def explained(error: ValidationError, source: str, valid: list[str], prefix: str = "") -> str:
    """A line for every wrong key, with the nearest of the ``valid`` ones, and every wrong value.

    source: name of the file; prefix: dotted key of the group that was validated, with its dot.
    """
    lines = [_explain(problem, valid, prefix) for problem in error.errors()]
    return "\n".join(f"{source}: {line}" for line in lines)


def _explain(problem: Any, valid: list[str], prefix: str) -> str:
    parts = [str(part) for part in problem["loc"]]
    key, given = prefix + ".".join(parts), reprlib.repr(problem["input"])
    said = problem["msg"].removeprefix("Value error, ")
    said = f"{said[0].lower()}{said[1:]}"
    if problem["type"] == "extra_forbidden":
        return _unknown(parts, valid, prefix, given)
    if problem["type"] == "missing":
        return f"key {key} is missing"
    if parts[-1:] == ["[key]"]:
        group = (prefix + ".".join(parts[:-2])).rstrip(".")
        return f"{group} has the key {given}, but: {said}"
    if problem["type"] == "value_error" and isinstance(problem["input"], dict):
        # Of a whole group: its values say nothing that the sentence does not.
        return f"{key.rstrip('.')}: {said}"
    return f"{key} is {given}, but: {said}"


def _unknown(parts: list[str], valid: list[str], prefix: str, given: str) -> str:
    *groups, name = parts
    if "." in name:
        *outer, inner = name.split(".")
        nested = f"{inner}: {given}"
        for group in reversed(outer):
            nested = f"{group}: {{{nested}}}"
        place = (prefix + ".".join(groups)).rstrip(".")
        there = f"{place} has no key" if place else "there is no key"
        return f"{there} {reprlib.repr(name)}; write it nested, as {nested}"
    if parts[0] == "systems" and not prefix:
        valid = [f"systems.{parts[1]}.{name}" for name in SystemSettings.model_fields]
    key = prefix + ".".join(parts)
    nearest = difflib.get_close_matches(key, valid, n=1, cutoff=0.0)
    return f"unknown key {key}; the nearest valid key is {nearest[0]}"


def valid_keys(model: type[BaseModel] = Params, prefix: str = "") -> list[str]:
    """Dotted names of all keys, in order."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys += [prefix + name, *valid_keys(kind, f"{prefix}{name}.")]
        else:
            keys.append(prefix + name)
    return keys
