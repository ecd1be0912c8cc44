"""``leanpose models`` and ``leanpose info``."""

import typer


def models() -> None:
    """List the packaged models."""
    from rich.console import Console
    from rich.table import Table

    from leanpose import zoo
    from leanpose.card import ModelCard

    table = Table("model", "architecture", "skeleton", "input", "params", "MACs", "scores", "terms")
    for name in zoo.list_models():
        card = ModelCard.load(zoo.FOLDER / f"{name}.json")
        table.add_row(
            name,
            card.architecture,
            card.skeleton.name,
            f"{card.input_hw[1]}x{card.input_hw[0]}",
            f"{card.params / 1e6:.2f} M",
            f"{card.macs / 1e9:.2f} G",
            "\n".join(f"{score.metric} {score.value:g} ({score.protocol})" for score in card.scores),
            card.license,
        )
    Console().print(table if table.row_count else "no models in this build")


def info() -> None:
    """Show versions, engines, CPU features, models and folders."""
    from leanpose.info import report

    for section, lines in report().items():
        typer.echo(section)
        width = max(map(len, lines))
        for name, text in lines.items():
            typer.echo(f"  {name:<{width}}  {text}")
