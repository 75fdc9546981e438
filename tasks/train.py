"""Step "train": ``python -m tasks.train <system>``, from tables to weights."""

from headwater.artifacts.ids import item_id
from headwater.systems import system
from tasks.command import Context, command
from tasks.head_model import head_model


def main(context: Context) -> str:
    """Train the system named on the command line."""
    name = context.argument("system")
    folder = context.project / ".headwater" / "checkpoints" / name
    checkpoints = folder / item_id(context.params.model_dump())
    done = system(name).train_stage(
        context.params,
        head_model(context.params, context.project),
        context.data,
        context.data / "train" / name,
        checkpoints,
        context.progress("training step"),
    )
    return f"{done['steps']} steps, {done['parameters']:,} parameters"


if __name__ == "__main__":
    command(main)
