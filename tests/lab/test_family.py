"""The packaged models beside each other: the page against the cards, tables and figure of models made up here."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from lab import family
from leanpose.benchmark.result import Benchmark, Measured
from leanpose.core.errors import ModelError
from leanpose.engines import zoo
from leanpose.engines.card import ModelCard, Score
from leanpose.measure.timing.statistics import Timing

ROOT = Path(__file__).parents[2]


def _score(metric: str, value: float, boxes: str, half: float = 1.5) -> Score:
    return Score(metric, value, f"{boxes}, flip test on", "leanpose evaluate it", (value - half, value + half))


@pytest.fixture
def made(dot_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[family.Member]:
    """Two packaged models of 1 and 3 G MACs and measured weights of 2, which nobody needs: they are the worst."""
    for name, macs, hull in (("big", 3e9, 88.0), ("little", 1e9, 81.0)):
        scores = (
            _score(family.MEAN, hull, "boxes hull"), _score(family.LIMBS, hull - 2, "boxes hull"),
            _score(family.MEAN, hull + 1, "boxes centre"), _score(f"AP, {family.COCO}", hull / 2, "boxes annotated"),
            *(
                Score(
                    f"{label}, {group}, {family.COCO}", value, f"boxes annotated, {joints} joints of 48 people",
                    "leanpose evaluate coco",
                )
                for group, factor in (("face", 1), ("limbs", 3))
                for label, value, joints in (
                    ("PCK@0.2 of the torso", 50.0 + factor, 90 * factor),
                    ("PCK@0.05 of the box", 40.0 + factor, 125 * factor),
                    ("end-point error, px", 9.25 + factor, 125 * factor),
                )
            ),
        )  # fmt: skip
        dot_model(name=name, macs=int(macs), scores=scores)
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    weights = tmp_path / "weights"
    weights.mkdir()
    for name, scores in (("worse", (_score(family.MEAN, 79.0, "boxes hull"),)), ("unmeasured", ())):
        (weights / f"{name}.safetensors").write_bytes(b"0" * 2_000_000)
        card = ModelCard.load(tmp_path / "big.json")
        replace(card, name=name, macs=2 * 10**9, scores=scores).save(weights / f"{name}.json")
    (weights / "corrections.json").write_text("{}")  # other files may lie there
    return family.members(weights)


@pytest.fixture
def run() -> Benchmark:
    """``big`` in two engines, ``little``, two networks that nobody trained, and a peer."""

    def model(label: str, ms: float) -> Measured:
        shares = {"end to end": 1.0, "model": 0.5, "crop to joints": 0.75}
        timings = {part: Timing(((share * ms / 1000,) * 2,) * 3) for part, share in shares.items()}
        return Measured(label, "pose", timings, "f32", macs=10**9)

    models = (
        model("big, openvino bf16", 8), model("big, onnxruntime f32", 20), model("little, openvino bf16", 2),
        model("net_a, openvino bf16", 5), model("net_b, openvino bf16", 30),
        Measured("Peer 1.0", "peer", {"end to end": Timing(((0.001,),))}),
    )  # fmt: skip
    return Benchmark("leanpose benchmark big little", "2026", {"model": "a CPU"}, {}, models)


def _rows(section: str) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    return {row[0]: row[1:] for row in cells}


def test_the_page_is_what_the_cards_say() -> None:
    """After ``python -m lab.family`` nothing on the page changes."""
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    sections, _, _ = family.page_sections(ROOT)
    assert family.rewritten(page, sections) == page
    for name in zoo.list_models():
        assert f"| `{name}` |" in page


def test_published_figures_are_those_of_the_papers_table() -> None:
    table = json.loads((ROOT / "docs/reproduction/softgate_table6.json").read_text())
    printed = {row["label"].split()[0]: row["published"].get("mean") for row in table["rows"]}
    assert all(printed[name.split()[0]] == value for name, value in family.PUBLISHED.items())


def test_models_stand_by_compute_with_measured_weights_behind_them(made: list[family.Member]) -> None:
    assert [m.card.name for m in made] == ["little", "big", "worse"]
    assert [m.packaged for m in made] == [True, True, False]
    assert made[2].megabytes == pytest.approx(2)


def test_scores_are_those_of_the_cards(made: list[family.Member]) -> None:
    section = family.scores_section(made)
    assert "| `worse` (weights only) | `dots` | dots | 64x96 | 0.00 | 2.00 | 2.0 |" in section
    assert "| `little` | 81.0 (79.5 to 82.5) | 79.0 (77.5 to 80.5) | 82.0 (80.5 to 83.5) |  |" in section
    assert "| `worse` | 79.0 (77.5 to 80.5) |  |  |  |" in section
    assert "| `big` | 44.0 (42.5 to 45.5) | 51.0 | 41.0 | 10.2 |  | 53.0 | 43.0 | 12.2 |  |" in section
    assert "face: 125 joints of 48 people, 90 joints of 48 people by the torso; limbs: 375 joints" in section
    assert section.count("    leanpose evaluate it\n") == 1


def test_times_say_who_is_faster_and_who_was_never_trained(made: list[family.Member], run: Benchmark) -> None:
    rows = _rows(family.speed_section(run, made))
    assert [name for name in rows if "`" in name] == ["`little`", "`net_a`", "`big`", "`net_b`"]
    assert rows["`big`"] == ["openvino bf16", "8.00", "6.00", "4.00", "1.00", "88.0", "none"]
    assert rows["`net_a`"][-2:] == ["not trained here", "big"]
    assert rows["`little`"][-2:] == ["81.0", "big"]
    assert rows["`net_b`"][-2:] == ["not trained here", "none"]


def test_the_curve_is_read_at_quarters_of_its_hours() -> None:
    points = [{"hours": float(h), "step": h, "val_pck": 10.0 * h} for h in (1, 2, 3, 4)]
    points[-1]["val_pck"] = 25.0
    assert _rows(family.curve_section({"it": points}))["`it`"] == ["4.00", "10.0", "20.0", "30.0", "25.0", "30.0"]


def test_the_figure_has_both_panels(made: list[family.Member], run: Benchmark, tmp_path: Path) -> None:
    for timed in (None, run):
        family.draw_front(made, timed, tmp_path / "front.png")
        picture = cv2.imread(str(tmp_path / "front.png"))
        assert picture is not None
        assert picture.std() > 5
        assert picture.shape[1] == pytest.approx(1320 if timed else 660, abs=2)


def test_a_page_without_marks_is_refused() -> None:
    page = "a\n<!-- one -->\nold\n<!-- end one -->\nb\n"
    assert family.rewritten(page, {"one": r"new \1"}) == "a\n<!-- one -->\n\nnew \\1\n\n<!-- end one -->\nb\n"
    with pytest.raises(ModelError, match="<!-- two -->"):
        family.rewritten(page, {"two": ""})
