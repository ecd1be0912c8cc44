"""``leanpose models``, ``complexity``, ``import-weights`` and ``info``."""

from pathlib import Path
from typing import Annotated

import typer

from leanpose.cli.crop_size import crop_size
from leanpose.cli.tables import print_tables


def models() -> None:
    """List the packaged models and, where PyTorch is installed, every network that can be trained.

    The scores are a card's main ones; the others, with protocols, intervals and commands, stand in the card.
    """
    from importlib.util import find_spec

    from rich.table import Table

    from leanpose.engines import zoo
    from leanpose.engines.card import ModelCard
    from leanpose.engines.detector_card import DetectorCard
    from leanpose.measure.groups import without_groups

    table = Table("model", "network", "finds", "input", "params", "MACs")
    figures = Table.grid(padding=(0, 2))
    terms: dict[str, list[str]] = {}
    for name in [*zoo.list_models(), *zoo.list_detectors()]:
        card: ModelCard | DetectorCard
        if name in zoo.list_detectors():
            card = DetectorCard.load(zoo.FOLDER / f"{name}.json")
            finds, size = "people", f"longer side {card.input_side}"
        else:
            card = ModelCard.load(zoo.FOLDER / f"{name}.json")
            finds, size = card.skeleton.name, f"{card.input_hw[1]}x{card.input_hw[0]}"
        table.add_row(
            name, card.architecture, finds, size, f"{card.params / 1e6:.2f} M", f"{card.macs / 1e9:.2f} G"
        )  # fmt: skip
        for score in without_groups(card.scores):
            figures.add_row(name, f"{score.value:g}", f"{score.metric} ({score.protocol.partition(',')[0]})")
        terms.setdefault(card.license, []).append(name)
    if not table.row_count:
        typer.echo("no models in this build")
    else:
        print_tables(table, figures)
        for license, names in terms.items():
            typer.echo(f"{', '.join(names)}: {license}")
    if find_spec("torch") is None:
        typer.echo("networks to train are listed once PyTorch is there: pip install 'leanpose[train]'")
        return
    from leanpose.models.comparison import models_table, render_models

    print_tables(render_models(models_table()))


def complexity(
    model: Annotated[str, typer.Argument(help="A network of 'leanpose models'.")],
    input: Annotated[
        str | None, typer.Option(metavar="HxW", help="Height and width; the paper's if not given.")
    ] = None,
    joints: Annotated[int | None, typer.Option(min=1, help="Number of joints; the paper's if not given.")] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="ENGINE", help="Also show where its time goes: openvino or onnxruntime.")
    ] = None,
    precision: Annotated[str, typer.Option(help="Of the profile: auto, f32 or bf16.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Of the profile.")] = 1,
) -> None:
    """Count a network's parameters and operations, by our rule and by the papers', beside what is printed."""
    from leanpose.models.comparison import complexity_report, render_complexity

    input_hw = crop_size(input)
    print_tables(*render_complexity(complexity_report(model, input_hw, joints)))
    if profile:
        from leanpose.benchmark.layer_times import profile_network, render_shares

        title, found = profile_network(model, input_hw, profile, precision, threads)
        print_tables(render_shares(title, found))


def import_weights(
    file: Annotated[Path, typer.Argument(help="An official checkpoint of HRNet, Lite-HRNet, LPN or SimpleBaseline.")],
    as_model: Annotated[str, typer.Option("--as", metavar="MODEL", help="The network it holds, such as lpn_50.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The .safetensors file; beside FILE if not given.")
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option("--input", metavar="HEIGHTxWIDTH", help="Its crops; 256x192 of 17 joints and 256x256 of others."),
    ] = None,
    backbone: Annotated[
        bool, typer.Option("--backbone", help="FILE is a classifier's: take what 'leanpose train --from' starts with.")
    ] = False,
) -> None:
    """Turn an official checkpoint into safetensors for one of our networks; every key must fit.

    With the card beside it the file is a model: predict, evaluate, export and finetune take it.
    """
    from leanpose.models.import_weights import import_weights as run

    target = out or file.with_suffix(".safetensors")
    state = run(file, as_model, out=target, input_hw=crop_size(input_size), backbone=backbone)
    typer.echo(f"{target}: {len(state)} tensors of {as_model}")


def info() -> None:
    """Show versions, engines, CPU features, models and folders."""
    from leanpose.engines.info import report

    for section, lines in report().items():
        typer.echo(section)
        width = max(map(len, lines))
        for name, text in lines.items():
            typer.echo(f"  {name:<{width}}  {text}")
