"""The system that reconstructs the user's photos, and its trained model."""

from pathlib import Path
from typing import Any, Final

from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.parsing.prepared import prepared_parser
from headwater.systems import SYSTEMS, find_system
from headwater.systems.settings import config_of
from headwater.systems.stages import WEIGHTS
from headwater.systems.system import System
from headwater.training.checkpoint import noted

CHALLENGE: Final = "heads"


def system_for_photos(name: str | None, project: Path, weights: Path | None = None) -> System:
    """The system of this name; without one that of the ``weights``, or the project's first.

    That is the first that a project builds for heads. Raises HeadwaterError for one that
    reconstructs no heads.
    """
    params = _params(project)
    if name is None:
        name = _of_weights(weights) or _first(params, project)
    if params is not None:
        system = find_system(name, params, project)
    elif name in SYSTEMS:
        system = SYSTEMS[name]
    else:
        raise HeadwaterError(
            f"{name}: no system of Headwater's own, which are {', '.join(SYSTEMS)}; name the "
            "project's folder with --project for others"
        )
    if system.challenge != CHALLENGE:
        raise HeadwaterError(f"{name} answers {system.challenge!r} and reconstructs no heads")
    return system


def trained_weights(weights: Path | None, system: System, project: Path) -> Path:
    """The file of weights, the user's or the project's. Raises HeadwaterError without one."""
    path = weights or project / "data" / "train" / system.name / WEIGHTS
    if not path.is_file():
        params = _params(project)
        built = params is None or system.name in params.build
        add = "" if built else f"add {system.name}: {system.challenge} to build in params.yaml and "
        raise HeadwaterError(
            f"{path}: no trained weights; {add}run `make repro` in the project's folder, which "
            "makes them, name that folder with --project, or other weights with --weights"
        )
    return path


def model_for_photos(
    system: System, weights: Path, heatmaps: Path | None, project: Path, *, fit: bool = False
) -> Any:
    """The trained model on the CPU, with the project's settings of the system, where it has some.

    heatmaps: the user's heatmap network, where one was used. fit: answers are fitted to the photos,
    those with parts to what the project's parser finds. Raises HeadwaterError where the system
    takes or does neither, and for settings that it does not have.
    """
    params = _params(project)
    usual: Any = next(iter(system.sizes.values()))
    config = usual if params is None else config_of(system, params, project, answers_only=True)
    answer: Any = getattr(config, config.ANSWER, None)
    asked: dict[str, Any] = {}
    if heatmaps is not None:
        if not hasattr(answer, "heatmap_net"):
            raise HeadwaterError(f"{system.name} takes no heatmaps; leave out --heatmaps")
        asked["heatmap_net"] = str(heatmaps)
    if fit:
        if not hasattr(answer, "fit"):
            raise HeadwaterError(f"{system.name} fits nothing to photos; leave out --fit")
        asked["fit"] = True
    if asked:
        config = config.model_copy(update={config.ANSWER: answer.model_copy(update=asked)})
    model = system.load(weights, config, "cpu")
    if fit and params is not None and hasattr(model, "with_parser"):
        model = model.with_parser(prepared_parser(params, project))
    return model


def _params(project: Path) -> Params | None:
    path = project / "params.yaml"
    return load_params(path) if path.is_file() else None


def _of_weights(weights: Path | None) -> str | None:
    """The system of Headwater's own that a file of weights says it is of."""
    name = None if weights is None else noted(weights, "system")
    return name if isinstance(name, str) and name in SYSTEMS else None


def _first(params: Params | None, project: Path) -> str:
    """The first system for heads of a build, or of Headwater's own without one."""
    own = {system.name: system.challenge for system in SYSTEMS.values()}
    able = [
        name
        for name, challenge in (own if params is None else params.build).items()
        if challenge == CHALLENGE
    ]
    if not able:
        others = ", ".join(name for name, challenge in own.items() if challenge == CHALLENGE)
        raise HeadwaterError(
            "no system of this build reconstructs heads; add one that does to build in "
            f"{project / 'params.yaml'} ({others}) and run `make repro`, or name one with "
            "--system and its weights with --weights"
        )
    return able[0]
