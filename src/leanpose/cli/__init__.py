"""The command ``leanpose``. Thin: commands parse, call and print; what they need is imported when they run."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from leanpose import __version__
from leanpose.cli import benchmark, calibrate, data, evaluate, finetune, label, models, predict, quantize, training
from leanpose.cli.lab import add_lab_commands
from leanpose.core.errors import LeanposeError, MissingExtraError

# packages by the extra that brings them
EXTRAS = {
    "openvino": "openvino",
    "av": "video",
    "nncf": "quantize",
    **dict.fromkeys(
        (
            "torch",
            "lightning",
            "scipy",
            "safetensors",
            "onnx",
            "onnxscript",
            "tensorboard",
            "matplotlib",
            "faster_coco_eval",
            "yaml",
        ),
        "train",
    ),
}


class ReadableErrors(TyperGroup):
    """Turns leanpose's own errors, and missing extras, into one line on stderr and exit status 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            try:
                return super().invoke(ctx)
            except ModuleNotFoundError as error:
                package = (error.name or "").partition(".")[0]
                if package not in EXTRAS:
                    raise
                raise MissingExtraError(package, EXTRAS[package]) from error
        except LeanposeError as error:
            if ctx.params["traceback"]:
                raise
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=ReadableErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Find people's joints in images, fast, on ordinary CPUs.",
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    traceback: Annotated[
        bool, typer.Option("--traceback", envvar="LEANPOSE_DEBUG", help="Show where an error came from.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for command in (
    predict.predict, training.train, training.curve, evaluate.evaluate, training.export,
    models.models, models.complexity, models.import_weights, models.info,
    finetune.finetune, calibrate.calibrate, quantize.quantize, benchmark.benchmark,
    label.label,
):  # fmt: skip
    app.command()(command)
add_lab_commands(app)
app.add_typer(data.app, name="data")


def main() -> None:
    """Entry point of the command."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
