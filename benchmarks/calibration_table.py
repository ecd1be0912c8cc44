"""The tables of docs/calibration.md, from the reports of ``leanpose evaluate --out`` before and after calibrating.

python benchmarks/calibration_table.py report/small-before report/small
"""

import json
import sys
from pathlib import Path
from typing import Any

ROWS = {
    "ece": "ECE, %", "ece width": "ECE in bins of equal width, %", "brier": "Brier score, %",
    "within 1": "joints within their uncertainty, %", "within 2": "joints within twice of it, %",
    "uncertainty rank": "rank correlation of it and error, %",
}  # fmt: skip


def main(before: str, after: str) -> None:
    """Print the figures, and the points of the diagram after, of the first box protocol of each report."""
    old, new = (_first(folder) for folder in (before, after))
    print(f"{new['protocol']}, {new['people']} people\n")
    print("| | before | after |\n|---|---|---|")
    for key, label in ROWS.items():
        print(f"| {label} | {_shown(old.get(key))} | {_shown(new.get(key))} |")
    print("\n| joints | score | right (95 % interval) | | uncertainty px | 68 % within px |\n|---|---|---|---|---|---|")
    points = new["reliability"]
    for score, radius in zip(points["bins"], points["uncertainty"], strict=True):
        low, high = score["interval 95 %"]
        print(
            f"| {score['joints']} | {score['score']:.2f} | {score['right']:.2f} ({low:.2f} to {high:.2f}) | "
            f"| {radius['uncertainty px']:.1f} | {radius['68% within px']:.1f} |"
        )


def _first(folder: str) -> dict[str, Any]:
    return json.loads((Path(folder) / "evaluation.json").read_text())["results"][0]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
