"""The parser that a project's stage parser has trained or tried, and its fingerprint."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from headwater.artifacts.ids import sha256_hex
from headwater.artifacts.manifest import sha256_of_file
from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.parsing.frame_parser import FrameParser

FOLDER: Final = "parser"
WEIGHTS: Final = "weights.safetensors"
SOURCE: Final = "source.json"


def parser_fingerprint(params: Params, project: Path) -> dict[str, str]:
    """Fingerprint of the parser that parts come from, for bucket keys; empty for landmarks."""
    if params.parts.parser == "landmarks":
        return {}
    if params.parts.parser == "trained":
        return {"parser": sha256_of_file(_file(project, WEIGHTS))}
    return {
        "parser": sha256_of_file(_file(project, SOURCE)),
        "labels": params.parts.labels,
    }


def prepared_parser(params: Params, project: Path) -> FrameParser | None:
    """The parser that ``parts.parser`` names, read once per process; None for landmarks.

    Raises HeadwaterError where the stage has not prepared it, or where it is another file now.
    """
    if params.parts.parser == "landmarks":
        return None
    if params.parts.parser == "trained":
        weights = _file(project, WEIGHTS)
        return _trained(weights, sha256_of_file(weights))
    source = json.loads(_file(project, SOURCE).read_text(encoding="utf-8"))
    return _tried(
        project / Path(params.parts.parser).expanduser(),
        params.parts.labels,
        source["source_sha256"],
        source["sides_swapped"],
    )


def _file(project: Path, name: str) -> Path:
    path = project / "data" / FOLDER / name
    if not path.is_file():
        raise HeadwaterError(f"{path}: is not there; run the stage parser with `make repro`")
    return path


@cache
def _trained(weights: Path, sha256: str) -> FrameParser:
    # Imported here and below: torch takes seconds, and polygons do without it.
    from headwater.parsing.parser import load_parser

    return load_parser(weights)


@cache
def _tried(path: Path, labels: str, sha256: str, sides_swapped: bool) -> FrameParser:
    from headwater.networks.frozen_net import read_net
    from headwater.parsing.onnx_parser import open_parser

    content = read_net(path)
    if sha256_hex(content) != sha256:
        raise HeadwaterError(f"{path}: is another parser than the stage parser tried; build again")
    parser = open_parser(path, content, labels)
    return parser.mirrored() if sides_swapped else parser
