"""``leanpose train``, ``export`` and ``evaluate``: from a recipe to a measured model."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

DATA_HELP = "Dataset as KIND:PATH with KIND lsp, lspet or pack; repeat for more."
Data = Annotated[list[str], typer.Option("--data", metavar="KIND:PATH", help=DATA_HELP)]


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, such as softgate_lsp.")],
    data: Data,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the run; runs/RECIPE by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last epoch.")] = False,
    start_from: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Start with the weights of a .ckpt or .safetensors.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe; repeatable.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Loader processes.")] = 1,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu or another that Lightning knows.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="How many of them.")] = 1,
    stop_after: Annotated[
        int | None, typer.Option(min=1, metavar="EPOCHS", help="Stop early; --resume goes on with the same schedule.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the resolved recipe and stop.")] = False,
) -> None:
    """Train a recipe. Writes last.ckpt, best.ckpt, CSV and TensorBoard logs; an interrupted run resumes."""
    import json

    from leanpose.training.recipes import override, recipe_named

    resolved = override(recipe_named(recipe), set_ or [])
    if show:
        typer.echo(json.dumps(resolved.to_dict(), indent=2))
        return
    from leanpose.training.run import train as run

    folder = out or Path("runs") / recipe
    best = run(resolved, data, folder, resume, start_from, workers, accelerator, devices, stop_after)
    typer.echo(f"best checkpoint: {best}")


def export(
    checkpoint: Annotated[Path, typer.Argument(help="A .ckpt file of 'leanpose train'.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file; .onnx beside the checkpoint if not given.")
    ] = None,
) -> None:
    """Export a checkpoint with its card: to ONNX, or, by the name's ending, to .safetensors to train on from.

    An ONNX file is written only if it gives the same joints as the checkpoint, on batches of 1, 2 and 5.
    """
    if out and out.suffix == ".safetensors":
        from leanpose.checkpoint import save_weights

        card = save_weights(checkpoint, out)
        typer.echo(f"{out}: {card.params / 1e6:.2f} M parameters in half precision")
        return
    from leanpose.export import export_checkpoint

    onnx = out or checkpoint.with_suffix(".onnx")
    card, parity = export_checkpoint(checkpoint, onnx)
    typer.echo(
        f"{onnx}: {card.params / 1e6:.2f} M parameters, {card.macs / 1e9:.2f} G MACs; differs from the checkpoint by "
        f"{parity.heatmap:.1e} of the peak and {parity.pixels:.4f} px at most"
    )


def evaluate(
    model: Annotated[str, typer.Argument(help="A packaged model, an .onnx file with its card, or a checkpoint.")],
    data: Data,
    part: Annotated[Literal["test", "val", "train"], typer.Option(help="Which part of the data.")] = "test",
    flip_test: Annotated[
        bool, typer.Option("--flip-test/--no-flip-test", help="Average with the mirrored crop.")
    ] = True,
    decode: Annotated[
        Literal["argmax", "quarter", "taylor", "soft", "beta"] | None,
        typer.Option(help="How heatmaps become joints; the card's if not given."),
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime; checkpoints run on torch.")] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16"], typer.Option(help="What the engine computes in.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for evaluation.json, curve.png, worst.png.")
    ] = None,
    save_scores: Annotated[
        bool, typer.Option("--save-scores", help="Write the means into the model's card, with this command.")
    ] = False,
) -> None:
    """Measure a model: PCK@0.2 person-centric by joint, with boxes around the joints and at the image centre."""
    from rich.console import Console
    from rich.progress import track

    from leanpose.errors import ModelError
    from leanpose.estimator import PoseEstimator
    from leanpose.evaluate import evaluate as run
    from leanpose.evaluate import record_scores, table, write_report
    from leanpose.readers import read_samples

    if save_scores and not model.endswith(".onnx"):
        raise ModelError(f"--save-scores: give the .onnx file whose card is to be changed, not '{model}'")
    estimator = PoseEstimator(model, engine, precision, flip_test, decode)
    samples = read_samples(data, part)
    names = " and ".join(spec.partition(":")[0] for spec in data)
    console = Console(stderr=True)
    evaluations = [
        run(estimator, samples, boxes, lambda s: track(s, "people", console=console, disable=not console.is_terminal))
        for boxes in ("hull", "centre")
    ]
    Console().print(table(evaluations))
    if out:
        write_report(evaluations, out, f"{estimator.card.name} on {names} {part}")
        typer.echo(f"report: {out}")
    if save_scores:
        card = Path(model).with_suffix(".json")
        command = _command(card.stem, data, part, flip_test, decode, engine, precision)
        record_scores(card, evaluations, f"{names} {part}", command)
        typer.echo(f"scores written to {card}")


def _command(
    model: str, data: list[str], part: str, flip_test: bool, decode: str | None, engine: str, precision: str
) -> str:
    """The command that measures a packaged model again, on any machine whose LEANPOSE_DATA is set."""
    root = os.environ.get("LEANPOSE_DATA")
    specs = [spec.replace(root.rstrip("/"), "$LEANPOSE_DATA") if root else spec for spec in data]
    options = [f"--data {spec}" for spec in specs] + [f"--part {part}", f"--engine {engine}"]
    options += [f"--precision {precision}"] * (precision != "auto")
    options += ["--no-flip-test"] * (not flip_test) + [f"--decode {decode}"] * (decode is not None)
    return " ".join(("leanpose evaluate", model, *options))
