"""A run of training: settings, seed, devices, and a folder of checkpoints."""

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, isfinite, nan
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from headwater.errors import HeadwaterError

if TYPE_CHECKING:
    # Systems are known without torch.
    import torch
    from lightning.fabric import Fabric

    from headwater.training.draws import Share

Progress = Callable[[int, int, dict[str, float]], None]

_PLACE: Final = object()
# A setting: where a file lies, of which another setting records the content. No record has it.
FilePlace = Annotated[str, Field(exclude=True), _PLACE]
Curve = list[dict[str, float]]


class SettingGroup(BaseModel):
    """Base of a group of settings; the string below each field documents it, with its unit."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """The value. Raises ValueError for true and false, which would pass for 1 and 0."""
        field = cls.model_fields[info.field_name or ""]
        if _holds_switch(value) and not _takes_switch(field.annotation):
            raise ValueError("true and false are no values of it")
        return value


def unlike(one: SettingGroup, other: SettingGroup) -> str | None:
    """The first field of two groups of one kind in which they differ; files may lie elsewhere."""
    for name, field in type(one).model_fields.items():
        first, second = getattr(one, name), getattr(other, name)
        if isinstance(first, SettingGroup) and type(first) is type(second):
            differ = unlike(first, second) is not None
        else:
            differ = _PLACE not in field.metadata and first != second
        if differ:
            return name
    return None


def _holds_switch(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_switch, value))
    return isinstance(value, bool)


def _takes_switch(annotation: Any) -> bool:
    return annotation in (bool, Any) or any(map(_takes_switch, get_args(annotation)))


class Config(SettingGroup):
    """Base of a system's settings.

    What only answers read, and weights do not depend on, stands in a field ``answer``. Fields whose
    files only trainings read are named in ``TRAINED_FROM``: an answer needs none of them.
    """

    ANSWER: ClassVar[str] = "answer"
    TRAINED_FROM: ClassVar[tuple[str, ...]] = ()

    def of_training(self) -> dict[str, Any]:
        """The settings that weights depend on, JSON-able."""
        return self.model_dump(mode="json", exclude={self.ANSWER})


@dataclass(frozen=True)
class Run:
    """One training: its seed, where it may resume from, who hears of it, and its devices.

    checkpoints: a folder that belongs to this training alone. progress(step, steps, record).
    fabric: the device that it runs on here, and the others that share its batches.
    """

    seed: int
    checkpoints: Path
    progress: Progress | None = None
    fabric: "Fabric | None" = None

    @property
    def device(self) -> "torch.device":
        """The device of this process."""
        from headwater.training.device import CPU

        return CPU if self.fabric is None else self.fabric.device

    @property
    def share(self) -> "Share":
        """The rows of each batch that this process computes."""
        from headwater.training.draws import WHOLE, Share

        if self.fabric is None:
            return WHOLE
        return Share(self.fabric.global_rank, self.fabric.world_size)


def check_curve(curve: object) -> None:
    """Raise HeadwaterError, the end of a sentence, for no curve and one without a last loss."""
    if not isinstance(curve, list):
        raise HeadwaterError(f"returned {reprlib.repr(curve)} instead of a curve; mend its code")
    for number, record in enumerate(curve):
        if not isinstance(record, Mapping):
            raise HeadwaterError(f"record {number} of the curve is no mapping; mend its code")
        for name, value in record.items():
            if not isinstance(value, Real):
                given = f"{reprlib.repr(value)}, no number"
                raise HeadwaterError(f"{name} of record {number} of the curve is {given}")
        if not isfinite(record.get("step", nan)):
            raise HeadwaterError(f"record {number} of the curve has no number 'step'")
    if not curve:
        raise HeadwaterError("returned a curve without a step; mend its code")
    last = {name: value for name, value in curve[-1].items() if name.endswith("loss")}
    if not isfinite(loss := sum(last.values())):
        step = f"{curve[-1]['step']:.0f}"
        raise HeadwaterError(
            f"diverged: the loss of step {step}, the last one, is {loss}; try a lower learning rate"
        )


def outcome(curve: Curve) -> str:
    """The steps of a training, and the one whose weights are kept, in words."""
    errors = {
        one["step"]: one["validation"] for one in curve if isfinite(one.get("validation", inf))
    }
    steps = f"{(last := round(curve[-1]['step']))} step{'' if last == 1 else 's'}"
    if not errors:
        return f"{steps}; the last one kept, none was validated"
    return f"{steps}; step {min(errors, key=errors.__getitem__):.0f} kept, best in validation"


def loss_table(curve: Curve) -> str:
    """CSV of a training curve: step, the whole loss, its parts and the learning rate.

    Steps of pre-training are below zero; a part that a step does not have is left empty. The error
    on the validation split, where it was taken, stands in a last column.
    """
    parts = sorted({name for record in curve for name in record if name.endswith("_loss")})
    last = ["learning_rate", *(["validation"] if any("validation" in one for one in curve) else [])]
    lines = [",".join(["step", "loss", *parts, *last])]
    for record in curve:
        whole = sum(record[name] for name in parts if name in record)
        cells = [f"{record[name]:.6g}" if name in record else "" for name in (*parts, *last)]
        lines.append(",".join([str(int(record["step"])), f"{whole:.6g}", *cells]))
    return "\n".join(lines) + "\n"
