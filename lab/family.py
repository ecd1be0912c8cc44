"""The packaged models beside each other: the tables of docs/models.md and the figure of accuracy over time and compute.

``python -m lab.family`` writes the marked parts of docs/models.md anew, from the models' cards and from the report
of ``leanpose benchmark`` in docs/models/, and draws docs/models/front.png. A test holds the page against the cards.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from leanpose.benchmark.result import Benchmark, Measured
from leanpose.benchmark.subjects import CROP_TO_JOINTS, END_TO_END, MODEL
from leanpose.core.errors import ModelError
from leanpose.core.files import write_whole
from leanpose.core.plotting import new_figure
from leanpose.engines import zoo
from leanpose.engines.card import ModelCard, Score
from leanpose.engines.card_file import read_card_file
from leanpose.measure.timing.statistics import pareto_front

MEAN, LIMBS = "PCK@0.2 mean of joints, lsp test", "PCK@0.2 mean of limb joints, lsp test"
HULL, CENTRE = "boxes hull", "boxes centre"
COCO = "coco test, undistorted"
COCO_SETS = {COCO: "undistorted images only", "coco test, all": "squashed images too"}
# LSP test, PCK@0.2, mean of 14, person-centric, as the soft-gated paper's Table VI quotes them.
PUBLISHED = {"Rafi et al. 2016": 83.8, "Yu et al. 2016": 84.3, "Belagiannis and Zisserman 2017": 85.2}
PACKAGED, OTHER = "#d1495b", "#33658a"  # colours


@dataclass(frozen=True)
class Member:
    """A model with a card: a packaged one, or trained weights beside the package.

    Attributes:
        card: of the model.
        megabytes: of its file.
        packaged: whether it comes with the package.
    """

    card: ModelCard
    megabytes: float
    packaged: bool

    def score(self, metric: str, boxes: str = "") -> Score | None:
        """The score of that name, under the protocol that begins so; None where the card has none."""
        found = (s for s in self.card.scores if s.metric == metric and s.protocol.startswith(boxes))
        return next(found, None)


def members(weights: Path | None = None) -> list[Member]:
    """The packaged pose models, by compute, then the measured ones whose cards lie in a folder of weights."""
    files = {zoo.FOLDER / f"{name}.onnx": True for name in zoo.list_models()}
    if weights:
        trained = [file for file in sorted(weights.iterdir()) if file.suffix in (".onnx", ".safetensors")]
        kind = {file: read_card_file(file.with_suffix(".json")).get("kind", ModelCard.kind) for file in trained}
        files |= {file: False for file in trained if kind[file] == ModelCard.kind}
    cards = [(ModelCard.load(file.with_suffix(".json")), file, packaged) for file, packaged in files.items()]
    found = [Member(card, file.stat().st_size / 1e6, own) for card, file, own in cards if own or card.scores]
    return sorted(found, key=lambda member: (not member.packaged, member.card.macs))


def scores_section(family: Sequence[Member]) -> str:
    """What each model is, and what it scores, as Markdown."""
    rows = [
        [
            f"`{m.card.name}`{'' if m.packaged else ' (weights only)'}",
            f"`{m.card.architecture}`",
            m.card.skeleton.name,
            f"{m.card.input_hw[1]}x{m.card.input_hw[0]}",
            f"{m.card.params / 1e6:.2f}",
            f"{m.card.macs / 1e9:.2f}",
            f"{m.megabytes:.1f}",
        ]
        for m in family
    ]
    parts = [_table(("model", "network", "joints", "input", "params M", "MACs G", "file MB"), rows)]
    columns = {
        "hull: mean of 14": (MEAN, HULL), "hull: 12 limb joints": (LIMBS, HULL),
        "centre: mean of 14": (MEAN, CENTRE), "centre: 12 limb joints": (LIMBS, CENTRE),
    }  # fmt: skip
    parts += ["LSP test, PCK@0.2 of the torso, by where the boxes come from:", _scores(family, columns)]
    for data, words in COCO_SETS.items():
        columns = {"OKS AP": (f"AP, {data}", "")}
        for group in ("face", "limbs"):
            columns |= {
                f"{group}: {short}": (f"{label}, {group}, {data}", "")
                for short, label in (
                    ("PCK@0.2 torso", "PCK@0.2 of the torso"), ("PCK@0.05 box", "PCK@0.05 of the box"),
                    ("error, px", "end-point error, px"), ("error, % of box", "mean error, % of the box"),
                )
            }  # fmt: skip
        if any(m.score(f"AP, {data}") for m in family):
            parts += [f"COCO, the held-out fifth, {words}:", _scores(family, columns), _resting(family, data)]
    commands = dict.fromkeys(score.command for m in family for score in m.card.scores)
    parts.append("Each figure is printed again by its command:\n\n" + "\n".join(f"    {c}" for c in commands))
    return "\n\n".join(part for part in parts if part)


def speed_section(run: Benchmark, family: Sequence[Member]) -> str:
    """Time of the packaged models, and which untrained networks take less, as Markdown."""
    own = {m.card.name: m for m in family if m.packaged}
    fastest = fastest_runs(run)
    inner = [part for part in (CROP_TO_JOINTS, MODEL) if any(part in model.timings for model in fastest.values())]
    rows = []
    for name, model in fastest.items():
        whole = model.timings[END_TO_END]
        slower = [other for other in own if other in fastest and other != name and whole.median < _ms(fastest[other])]
        score = own[name].score(MEAN, HULL) if name in own else None
        rows.append(
            [
                f"`{name}`", model.label.partition(", ")[2], f"{1000 * whole.median:.2f}",
                *(f"{1000 * model.timings[part].median:.2f}" if part in model.timings else "" for part in inner),
                f"{model.macs / 1e9:.2f}" if model.macs else "",
                f"{score.value:.1f}" if score else "not trained here" if name not in own else "",
                ", ".join(slower) or "none",
            ]
        )  # fmt: skip
    rows.sort(key=lambda row: float(row[2]))
    parts = ("ms, image to joints", *("network" if part == MODEL else part for part in inner))
    head = ("model", "engine", *parts, "MACs G", "LSP test, hull", "faster than")
    machine = ", ".join(run.machine[key] for key in ("model", "load at the start") if key in run.machine)
    return f"{_table(head, rows)}\n\nMeasured by `{run.command}` ({machine}), medians of interleaved rounds."


def fastest_runs(run: Benchmark) -> dict[str, Measured]:
    """The fastest engine and precision of each pose model of a benchmark, end to end, by name."""
    found: dict[str, Measured] = {}
    for model in run.models:
        name = model.label.partition(", ")[0]
        if model.kind == "pose" and (name not in found or _ms(model) < _ms(found[name])):
            found[name] = model
    return found


def curve_section(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Validation PCK of each run at quarters of its hours, as ``leanpose curve`` wrote them, as Markdown."""
    rows = []
    for name, points in curves.items():
        hours, best = points[-1]["hours"], max(point["val_pck"] for point in points)
        quarters = [[p["val_pck"] for p in points if p["hours"] <= share * hours] for share in (0.25, 0.5, 0.75, 1)]
        rows.append([f"`{name}`", f"{hours:.2f}", *(f"{q[-1]:.1f}" if q else "" for q in quarters), f"{best:.1f}"])
    head = ("run", "hours", "PCK after a quarter of them", "half", "three quarters", "all", "best")
    return f"{_table(head, rows)}\n\n![validation PCK over hours](models/curve.png)"


def draw_front(family: Sequence[Member], run: Benchmark | None, path: Path) -> None:
    """Accuracy on LSP test (hull boxes, mean of 14) over compute and, with a benchmark, over time, end to end.

    Networks that were timed and not trained stand as ticks on the axis. A line joins the Pareto front of the models
    that have both.
    """
    ways: list[tuple[str, dict[str, float], list[float]]] = [
        ("G MACs for one person", {m.card.name: m.card.macs / 1e9 for m in family}, [])
    ]
    if run:
        times = {name: 1000 * _ms(model) for name, model in fastest_runs(run).items()}
        known = {m.card.name for m in family}
        untrained = [ms for name, ms in times.items() if name not in known]
        ways.append(("ms for one person, image to joints", {n: t for n, t in times.items() if n in known}, untrained))
    figure = new_figure(6 * len(ways), 4.5)
    panels = figure.subplots(1, len(ways), squeeze=False)[0]
    for axes, (label, costs, ticks) in zip(panels, ways, strict=True):
        scored = [(m, m.score(MEAN, HULL)) for m in family if m.card.name in costs]
        points = [(m, costs[m.card.name], s) for m, s in scored if s]
        front = pareto_front([(cost, score.value) for _, cost, score in points])
        axes.plot([points[i][1] for i in front], [points[i][2].value for i in front], color=PACKAGED, linewidth=1)
        for member, cost, score in points:
            low, high = score.interval or (score.value, score.value)
            bars = [[max(score.value - low, 0)], [max(high - score.value, 0)]]
            axes.errorbar(cost, score.value, bars, fmt="o", capsize=3, color=PACKAGED if member.packaged else OTHER)
            axes.annotate(member.card.name, (cost, score.value), (6, 5), textcoords="offset points", fontsize=9)
        for (name, value), style in zip(PUBLISHED.items(), (":", "--", "-."), strict=True):
            axes.axhline(value, color="0.45", linewidth=1, linestyle=style, label=f"{name}: {value}")
        if ticks:
            axes.plot(ticks, [0.02] * len(ticks), "|", color=OTHER, transform=axes.get_xaxis_transform(), markersize=12)
            axes.annotate("untrained networks", (0.01, 0.05), xycoords="axes fraction", fontsize=7)
        axes.set(xlabel=label, ylabel="LSP test, PCK@0.2, mean of 14 (%)", xscale="log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.margins(x=0.25, y=0.2)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.1), fontsize=7)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=110)
    write_whole(path, content.getvalue())


def rewritten(page: str, sections: Mapping[str, str]) -> str:
    """A page whose parts between ``<!-- NAME -->`` and ``<!-- end NAME -->`` are those given.

    Raises:
        ModelError: when the page lacks the marks of a section.
    """
    for name, text in sections.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        if not marked.search(page):
            raise ModelError(f"the page has no part between <!-- {name} --> and <!-- end {name} -->")
        page = marked.sub(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", page)
    return page


def page_sections(root: Path) -> tuple[dict[str, str], list[Member], Benchmark | None]:
    """The marked parts of docs/models.md below a checkout's root, and what they were made of."""
    family = members(root / "weights")
    report = root / "docs/models/benchmark.json"
    run = Benchmark.load(report) if report.exists() else None
    curve = root / "docs/models/curve.json"
    sections = {
        "scores": scores_section(family),
        "speed": speed_section(run, family) if run else "Not measured yet on a quiet machine.",
        "curve": curve_section(json.loads(curve.read_text(encoding="utf-8"))) if curve.exists() else "Not drawn yet.",
    }
    return sections, family, run


def _ms(model: Measured) -> float:
    return model.timings[END_TO_END].median


def _scores(family: Sequence[Member], columns: Mapping[str, tuple[str, str]]) -> str:
    """One row a model that has any of the scores, with intervals."""
    rows = [
        [f"`{m.card.name}`", *map(_shown, found)]
        for m in family
        if any(found := [m.score(metric, boxes) for metric, boxes in columns.values()])
    ]
    return _table(("model", *columns), rows)


def _shown(score: Score | None) -> str:
    if score is None:
        return ""
    return f"{score.value:.1f}" + (f" ({score.interval[0]:.1f} to {score.interval[1]:.1f})" if score.interval else "")


def _resting(family: Sequence[Member], data: str) -> str:
    """How many labelled joints the figures of the groups rest on."""
    said: dict[str, None] = {}
    rested: Callable[[str], str] = lambda protocol: protocol.rpartition(", ")[2]  # noqa: E731
    for m in family:
        for group in ("face", "limbs"):
            torso, box = (m.score(f"PCK@{t} of the {r}, {group}, {data}") for t, r in ((0.2, "torso"), (0.05, "box")))
            if torso and box:
                said[f"{group}: {rested(box.protocol)}, {rested(torso.protocol)} by the torso"] = None
    return f"Labelled joints behind them: {'; '.join(said)}." if said else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def main(root: Path) -> None:
    """Write the page's marked parts and draw the figure."""
    page = root / "docs/models.md"
    sections, family, run = page_sections(root)
    write_whole(page, rewritten(page.read_text(encoding="utf-8"), sections).encode())
    draw_front(family, run, root / "docs/models/front.png")
    print(f"{page}: written from the cards of {', '.join(m.card.name for m in family)}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
