"""Commands that only a checkout of the repository has: the folder ``lab`` beside ``src`` is no part of the package."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from leanpose.core.errors import CheckoutError

CHECKOUT = Path(__file__).parents[3]
COMMANDS = {
    "reproduce": "Repeat a table, figure or claim of the papers (in a checkout).",
    "robustness": "Measure models on distorted pictures and boxes (in a checkout).",
}


def add_lab_commands(app: typer.Typer) -> None:
    """Add the commands of ``lab``; outside a checkout, ones that say where they are to be had."""
    for name, about in COMMANDS.items():
        if (CHECKOUT / "lab" / "commands").is_dir():
            if str(CHECKOUT) not in sys.path:
                sys.path.append(str(CHECKOUT))
            app.command()(getattr(import_module(f"lab.commands.{name}"), name))
        else:
            app.command(name, help=about, context_settings={"ignore_unknown_options": True})(_missing(name))


def _missing(name: str) -> Callable[..., Any]:
    def refuse(arguments: list[str] = typer.Argument(None, hidden=True)) -> None:  # noqa: B008
        raise CheckoutError(f"'leanpose {name}' needs a checkout: git clone the repository, pip install -e '.[dev]'")

    return refuse
