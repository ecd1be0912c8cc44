"""``leanpose export``: networks as files, for programs that are not leanpose too."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from leanpose.cli.crop_size import crop_size

ELSEWHERE = "Other programs"


class Target(StrEnum):
    """What the files are for."""

    onnx = "onnx"
    openvino = "openvino"
    web = "web"
    ovms = "ovms"
    triton = "triton"


def export(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CHECKPOINT|MODEL...]",
            help="A .ckpt of 'leanpose train', or .safetensors with card; for --to others than onnx a packaged model, "
            "or an .onnx file with its card. Web takes nano, small and medium if none is named.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE|DIR", help="The file; .onnx beside the checkpoint if not given. Else the folder."),
    ] = None,
    no_fold: Annotated[
        bool, typer.Option("--no-fold", help="Keep the network's own operations; see docs/speed.md.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A network of fewer stacks: the trained one's first stacks on their own."),
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option("--input", metavar="HEIGHTxWIDTH", help="The crops it is for, where not those it was trained on."),
    ] = None,
    to: Annotated[
        Target,
        typer.Option(
            rich_help_panel=ELSEWHERE,
            help="openvino: its own files. web: the page that runs in a browser. ovms, triton: a folder of models with "
            "the configuration of OpenVINO Model Server or of Triton.",
        ),
    ] = Target.onnx,
    web: Annotated[
        Path | None, typer.Option(metavar="DIR", rich_help_panel=ELSEWHERE, help="Short for --to web --out DIR.")
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", rich_help_panel=ELSEWHERE,
            help="Of the page: an unpacked onnxruntime-web, instead of asking npm for it.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=ELSEWHERE, help="Replace a folder of an earlier export.")
    ] = False,
) -> None:  # fmt: skip
    """Export a checkpoint with its card to ONNX, or by the name's ending to .safetensors; a model for other programs.

    An ONNX file is written only if it gives the same joints as the checkpoint, on batches of 1, 2 and 5; others only if
    they give the same answers as the ONNX file.
    """
    from leanpose.core.errors import ExportError

    if web is not None:
        if out is not None or to not in (Target.onnx, Target.web):
            raise ExportError("--web DIR is short for --to web --out DIR: leave --to and --out out")
        out, to = web, Target.web
    if to is Target.onnx:
        for_folders = {"--runtime": runtime is not None, "--overwrite": overwrite}
        _refuse([option for option, given in for_folders.items() if given], "--to onnx")
        if not models or len(models) > 1:
            raise ExportError("name one checkpoint to export, or --to where a packaged model is to go")
        return _export_checkpoint(models[0], out, no_fold, model, input_size)
    of_checkpoints = {"--no-fold": no_fold, "--model": model is not None, "--input": input_size is not None}
    _refuse([option for option, given in of_checkpoints.items() if given], f"--to {to}")
    if runtime is not None and to is not Target.web:
        _refuse(["--runtime"], f"--to {to}")
    if out is None:
        raise ExportError(f"--to {to} writes a folder: name it with --out DIR")
    return _export_elsewhere(to, models or [], out, runtime, overwrite)


def _refuse(options: list[str], beside: str) -> None:
    from leanpose.core.errors import ExportError

    if options:
        raise ExportError(f"{options[0]} does not go with {beside}: leave it out")


def _export_elsewhere(to: Target, models: list[Path], out: Path, runtime: Path | None, overwrite: bool) -> None:
    from leanpose.core.errors import ExportError

    if to is Target.web:
        from leanpose.export.web import MODELS, export_web

        page = export_web(out, models or MODELS, runtime=runtime, overwrite=overwrite)
        typer.echo(
            f"{out}: the page with {', '.join(page.models)}, {page.all_bytes / 1e6:.1f} MB in all, "
            f"{page.page_bytes / 1e6:.2f} MB without models and runtime; docs/browser.md says how to serve it"
        )
        return
    from leanpose.export.source import find_source

    sources = [find_source(model) for model in models]
    if to is Target.openvino:
        from leanpose.export.open_vino import export_openvino

        if len(sources) != 1:
            raise ExportError("name one model for --to openvino, such as nano")
        difference = export_openvino(sources[0], out, overwrite)
        typer.echo(f"{out}: {sources[0].name}.xml differs from the ONNX file by {difference:.1e} of the largest value")
        return
    from leanpose.export.model_servers import export_ovms, export_triton

    for served in (export_triton if to is Target.triton else export_ovms)(sources, out, overwrite):
        typer.echo(
            f"{out}: {served.name}, read again by {served.engine}: differs by {served.difference:.1e} of the largest "
            "value; the server itself was not run"
        )


def _export_checkpoint(
    checkpoint: Path, out: Path | None, no_fold: bool, model: str | None, input_size: str | None
) -> None:
    from leanpose.core.errors import ExportError
    from leanpose.engines.zoo import list_detectors, list_models
    from leanpose.training.checkpoint import read_checkpoint, save_weights

    if checkpoint.suffix == ".onnx" or str(checkpoint) in (*list_models(), *list_detectors()):
        raise ExportError(f"{checkpoint} is an ONNX file already: name another program with --to, or give a checkpoint")
    stored = checkpoint.suffix == ".safetensors"
    person = not stored and read_checkpoint(checkpoint).recipe.task == "person"
    weights = out is not None and out.suffix == ".safetensors"
    if stored and weights:
        raise ExportError(f"{checkpoint}: holds weights to train on from already; name an .onnx file with --out")
    needless = {"--model": model is not None and person, "--input": input_size is not None and (person or weights)}
    what = "a person detector's checkpoint" if person else "weights to train on from"
    _refuse([option for option, given in needless.items() if given], what)
    if out and weights:
        from leanpose.training.detector_checkpoint import save_detector_weights

        saved = save_detector_weights(checkpoint, out) if person else save_weights(checkpoint, out, model)
        typer.echo(f"{out}: {saved.params / 1e6:.2f} M parameters in half precision")
        return
    onnx = out or checkpoint.with_suffix(".onnx")
    if person:
        from leanpose.training.detector_checkpoint import export_detector

        detector = export_detector(checkpoint, onnx)
        typer.echo(f"{onnx}: {detector.params / 1e6:.2f} M parameters, {detector.macs / 1e9:.2f} G MACs")
        return
    from leanpose.training.exported import export_checkpoint

    card, parity = export_checkpoint(checkpoint, onnx, not no_fold, model, crop_size(input_size))
    typer.echo(
        f"{onnx}: {card.params / 1e6:.2f} M parameters, {card.macs / 1e9:.2f} G MACs; differs from the checkpoint by "
        f"{parity.heatmap:.1e} of the peak and {parity.pixels:.4f} px at most"
    )
