"""The files of stages of hashes as these would write them now, and files as they were recorded."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from flows.hash_files import Files
from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.systems.homes import OUTSIDE, outside_text
from headwater.upkeep.recorded import md5_of, objects_of
from headwater.upkeep.repair import Record

Texts = dict[str, str]


def foretold(stage: str, params: Params, project: Path) -> Files:
    """Files of a stage of hashes by path; none where they hold more than can be told before it.

    Raises HeadwaterError for code that is no Python.
    """
    step, _, key = stage.partition("@")
    texts: dict[str, Callable[[str, Params, Path], Texts]] = {
        "code": _code,
        "plugin": _plugin,
        "reads": _reads,
        "questions": _questions,
        "inputs": _inputs,
    }
    try:
        made = texts[step](key, params, project) if step in texts else {}
    except OSError:
        # It reads what another stage has yet to write.
        return {}
    except HeadwaterError:
        if step == "code":
            raise
        # What another stage wrote is of other code, which reads less or more.
        return {}
    return {path: text.encode() for path, text in made.items()}


def recorded_files(stage: str, record: Record) -> Files:
    """JSON files of a stage by path as they are on record, whatever lies in their place now."""
    files: dict[str, bytes] = {}
    for path, (md5, output) in record.files.items():
        name = PurePosixPath(path)
        if output.stage == stage and name.suffix == ".json" and not name.name.startswith("."):
            content = former(record.project, md5, path)
            files |= {} if content is None else {path: content}
    return files


def former(project: Path, md5: str, path: str) -> bytes | None:
    """Content of a file that has an MD5 on record, from DVC's cache or its place; None if lost."""
    for place in (objects_of(project).path(md5), project / path):
        try:
            content = place.read_bytes()
        except OSError:
            continue
        if md5_of(content) == md5:
            return content
    return None


def _code(key: str, params: Params, project: Path) -> Texts:
    from tasks.recorded_code import FOLDER, code_text, step_roots

    texts = {f"{FOLDER}/{step}.json": code_text(root) for step, root in step_roots(Path("tasks"))}
    return texts | {str(OUTSIDE): outside_text(params, project)}


def _plugin(key: str, params: Params, project: Path) -> Texts:
    from tasks.plugin import FILE, OUT, files_text

    return {f"{OUT / key / FILE}": files_text(key, params)}


def _reads(key: str, params: Params, project: Path) -> Texts:
    from tasks.reads import FILE, OUT, SIZE, size_text, tables_text

    return {
        f"{OUT / FILE}": tables_text(params, project),
        f"{OUT / SIZE}": size_text(params, project),
    }


def _questions(key: str, params: Params, project: Path) -> Texts:
    from tasks.questions import OUT, question_texts

    texts = question_texts(params, project)
    return {f"{OUT / name}.json": text for name, text in texts.items()}


def _inputs(key: str, params: Params, project: Path) -> Texts:
    from headwater.systems import find_system
    from tasks.inputs import KINDS, OUT, inputs_text, shown_text

    texts = {kind: inputs_text(kind, key, params, project) for kind in KINDS}
    texts["shown"] = shown_text(find_system(key, params, project))
    return {f"{OUT / key / kind}.json": text for kind, text in texts.items()}
