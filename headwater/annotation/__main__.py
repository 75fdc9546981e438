"""Annotate the face parts of a head model's mesh: Algorithm 1 of 3DDFA-V3.

``python -m headwater.annotation MODEL FOLDER`` renders the model, parses the renders with the
parser that ``parts.parser`` in ``params.yaml`` names, and writes ``parts.npz`` with the votes for
every vertex and its part, and ``parts.png``. Parts in a ``corrections.json`` that a person wrote
into the folder replace those of the votes; another run uses the votes that are stored there.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from headwater.annotation.annotate import votes_of
from headwater.annotation.files import (
    CORRECTIONS,
    PARTS,
    corrected,
    kept_votes,
    write_annotation,
)
from headwater.annotation.labels import labels_of
from headwater.annotation.parsers import ImageParser, landmark_polygons, parser_of_images
from headwater.annotation.picture import parts_picture
from headwater.annotation.renders import Pool
from headwater.artifacts.atomic import replacing
from headwater.artifacts.code import code_of_functions
from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.config import load_params
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import FACE_PARTS
from headwater.heads import bases, load_head_model
from headwater.heads.landmark_files import has_landmarks
from headwater.heads.model import HeadModel, fingerprint
from headwater.parsing.prepared import parser_fingerprint, prepared_parser
from headwater.photos.folder import printable
from headwater.upkeep.places import check_writable, refusal

MODELS: Final = Path(".headwater/models")
PICTURE: Final = "parts.png"
MOST_RENDERS: Final = 10_000


def main() -> None:
    """Annotate the head model that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m headwater.annotation",
        description="annotate a head mesh with the parts of a face",
    )
    parser.add_argument("model", help="anny, or ict:<file.npz or folder>")
    parser.add_argument("folder", type=Path, help="folder of the annotation")
    parser.add_argument("--project", type=Path, default=Path(), help="folder of params.yaml")
    parser.add_argument("--renders", type=int, default=Pool.renders, help="number of images")
    parser.add_argument(
        "--seed", type=int, default=Pool.seed, help="seed of poses, shapes and tones"
    )
    options = parser.parse_args()
    if not 1 <= options.renders <= MOST_RENDERS:
        parser.error(f"--renders is {options.renders}; give a number from 1 to {MOST_RENDERS}")
    if not 0 <= options.seed < 2**32:
        parser.error(f"--seed is {options.seed}; give a number from 0 to {2**32 - 1}")
    pool = Pool(renders=options.renders, seed=options.seed)
    try:
        sys.stdout.write(annotate(options.model, options.folder, options.project, pool))
    except HeadwaterError as error:
        sys.stderr.writelines(f"error: {printable(line)}\n" for line in str(error).split("\n"))
        sys.exit(2)
    except OSError as error:
        sys.stderr.write(f"error: {printable(refusal(error, options.folder))}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("stopped; nothing was written\n")
        sys.exit(130)


def annotate(spec: str, folder: Path, project: Path, pool: Pool) -> str:
    """Write the annotation of the head model that ``spec`` names, and say in words what was done.

    Raises HeadwaterError as ``load_head_model``, ``prepared_parser``, ``votes_of`` and
    ``corrected``, and where the folder cannot be written to; OSError for its files.
    """
    check_writable(folder)
    model = _head_model(spec, project / MODELS)
    # Wrong corrections are refused before the renders, whose votes would be lost with them.
    corrected(np.zeros(len(model.mean), np.uint8), folder / CORRECTIONS)
    parse, parser_key = _parser(project)
    material = {
        "model": fingerprint(model),
        "pool": asdict(pool),
        "parser": parser_key,
        **code_of_functions([votes_of, landmark_polygons, parser_of_images]).as_json(),
    }
    made_of = sha256_hex(canonical_json(material).encode())
    votes = kept_votes(folder / PARTS, len(model.mean), made_of)
    source = "stored votes"
    if votes is None:
        source = f"votes of {pool.renders} renders"
        votes = votes_of(model, parse, pool, _show_progress)
    labels, changed = corrected(labels_of(votes, model.mean, model.faces), folder / CORRECTIONS)
    write_annotation(folder / PARTS, votes, labels, made_of)
    picture = parts_picture(model.mean, model.faces, labels)
    with replacing(folder / PICTURE) as target:
        Image.fromarray(picture).save(target, "PNG")
    counts = ", ".join(f"{part.title} {np.count_nonzero(labels == part)}" for part in FACE_PARTS)
    return (
        f"{model.name}: {source}, {changed} vertices corrected; vertices of parts: {counts}\n"
        f"{folder / PARTS}\n{folder / PICTURE}\n"
    )


def _head_model(spec: str, cache: Path) -> HeadModel:
    """The head model, with landmarks where they are calibrated."""
    bare = bases(spec, cache)
    return load_head_model(spec, cache) if has_landmarks(bare.name) else bare


def _parser(project: Path) -> tuple[ImageParser, dict[str, str]]:
    """The project's parser and its fingerprint; polygons of landmarks without a project."""
    params = project / "params.yaml"
    if not params.is_file():
        return landmark_polygons, {}
    settings = load_params(params)
    parser = prepared_parser(settings, project)
    parse = landmark_polygons if parser is None else parser_of_images(parser)
    return parse, parser_fingerprint(settings, project)


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else "\r"
        sys.stderr.write(f"{done} of {total} renders{end}")


if __name__ == "__main__":
    main()
