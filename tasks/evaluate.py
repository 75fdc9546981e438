"""Step "evaluate": ``python -m tasks.evaluate <system>``, from weights to figures and meshes."""

from headwater.systems import system
from tasks.command import Context, command


def main(context: Context) -> str:
    """Evaluate the system named on the command line."""
    name = context.argument("system")
    figures = system(name).evaluate_stage(
        context.params,
        context.data,
        context.data / "evaluate" / name,
        context.progress("head"),
    )
    return (
        f"face Chamfer {figures['face_chamfer_mm']:.2f} mm "
        f"(mean head {figures['mean_head_face_chamfer_mm']:.2f}) "
        f"over {figures['subjects']} subjects, {figures['failures']} failures"
    )


if __name__ == "__main__":
    command(main)
