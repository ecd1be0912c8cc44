"""The command ``leanpose``. Thin: commands parse, call and print; what they need is imported when they run."""

import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from leanpose import __version__
from leanpose.cli import (
    batch,
    benchmark,
    calibrate,
    data,
    evaluate,
    export,
    finetune,
    label,
    models,
    predict,
    quantize,
    serve,
    training,
)
from leanpose.cli.lab import add_lab_commands
from leanpose.core.errors import LeanposeError, MissingExtraError
from leanpose.core.own_terminal import take_terminal
from leanpose.core.stopping import Stopped, exit_status, last_signal, stop, stop_signals

# packages by the extra that brings them
EXTRAS = {
    "openvino": "openvino",
    "av": "video",
    "nncf": "quantize",
    **dict.fromkeys(("pyarrow", "fsspec"), "batch"),
    "ray": "ray",
    **dict.fromkeys(("fastapi", "uvicorn", "python_multipart", "prometheus_client"), "serve"),
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
    """Turns leanpose's own errors, and missing extras, into one line on stderr and status 2; signals have their own."""

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
            raise typer.Exit(error.exit_status) from error
        except Stopped as signal_to_stop:
            raise typer.Exit(exit_status(signal_to_stop.number)) from signal_to_stop


app = typer.Typer(
    cls=ReadableErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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
    predict.predict, training.train, training.curve, evaluate.evaluate, export.export,
    models.models, models.complexity, models.import_weights, models.info,
    finetune.finetune, calibrate.calibrate, quantize.quantize, benchmark.benchmark,
    label.label, serve.serve,
):  # fmt: skip
    app.command()(command)
add_lab_commands(app)
app.add_typer(data.app, name="data")
app.add_typer(batch.app, name="batch")


def main() -> None:
    """Entry point of the command. SIGTERM and SIGHUP end it as Ctrl-C does."""
    take_terminal()
    for number in stop_signals():
        if number != signal.SIGINT:  # which Python raises itself
            signal.signal(number, stop)
    try:
        app()
    except SystemExit as ended:
        number = last_signal()
        if ended.code == exit_status(signal.SIGINT) and number is not None:  # typer says so of every signal
            sys.exit(exit_status(number))
        raise
    except KeyboardInterrupt as interrupt:
        sys.exit(exit_status(interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT))
    except Exception:
        number = last_signal()
        if number is None:
            raise
        sys.exit(exit_status(number))
