"""The commands about networks: sizes beside the printed ones, and official checkpoints."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.engines import zoo
from leanpose.engines.card import Score
from leanpose.models import comparison, create_model

from ..blobs import blob_detector


def _run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_complexity_shows_the_count_beside_the_printed_size() -> None:
    code, shown = _run("complexity", "lpn_50")
    assert code == 0
    assert "2.911 M" in shown
    assert "1.008" in shown  # HRNet's rule; the paper prints 1.0
    assert "deviation" in shown


def test_complexity_takes_another_input() -> None:
    """Convolutions cost in proportion to the area."""
    figures = []
    for side in (128, 256):
        _, shown = _run("complexity", "softgate_1x64", "--input", f"{side}x{side}", "--joints", 14)
        line = next(line for line in shown.splitlines() if line.strip().startswith("MACs"))
        figures.append(float(line.split()[1]))
    assert figures[1] == pytest.approx(4 * figures[0], rel=0.01)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["complexity", "nosuch"], "unknown network 'nosuch'"),
        (["complexity", "lpn_50", "--input", "256"], "as in 256x192"),
        (["complexity", "lpn_50", "--input", "250x192"], "multiple"),
        (["import-weights", "/nowhere/x.pth", "--as", "lpn_50"], "x.pth"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: list[str], message: str) -> None:
    code, shown = _run(*words)
    assert code == 2
    assert message in shown
    assert "Traceback" not in shown


def test_imported_weights_load_into_the_network(tmp_path: Path) -> None:
    """LPN's own layout, with the prefix that DataParallel leaves."""
    network = create_model("lpn_50", 17)
    torch.save({f"module.{name}": tensor for name, tensor in network.state_dict().items()}, tmp_path / "official.pth")
    code, shown = _run("import-weights", tmp_path / "official.pth", "--as", "lpn_50")
    assert code == 0, shown
    state = load_file(tmp_path / "official.safetensors")
    fresh = create_model("lpn_50", 17)
    fresh.load_state_dict(state)
    for a, b in zip(fresh.parameters(), network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_models_lists_every_network() -> None:
    code, shown = _run("models")
    assert code == 0
    for name in ("softgate_2x128", "elhrnet_w32_la_r8", "lpn_152", "sfm_basic72", "litehrnet_30", "ViPNAS"):
        assert name in shown


def test_models_and_info_list_pose_models_and_detectors(dot_model, monkeypatch) -> None:
    scores = (
        Score("PCK@0.2 mean of joints, lsp test", 81.25, "boxes hull, flip test on", "leanpose evaluate dots"),
        Score("end-point error, px, face, coco test", 7.125, "boxes annotated", "leanpose evaluate dots"),
    )
    path = dot_model(scores=scores)
    blob_detector(path.with_name("blobs.onnx"), input_side=352, params=2_340_000)
    monkeypatch.setattr(zoo, "FOLDER", path.parent)
    monkeypatch.setattr(comparison, "models_table", list)  # takes seconds
    _, shown = _run("models")
    line = next(line for line in shown.splitlines() if "blobs" in line)
    assert all(word in line for word in ("people", "longer side 352", "2.34 M"))
    assert "64x96" in next(line for line in shown.splitlines() if "dots" in line)
    assert "81.25" in shown
    assert "7.125" not in shown  # of a group of joints: the card has it
    path.with_name("blobs.json").write_text('{"kind": "detector"}')
    _, shown = _run("info")
    assert "blobs  unusable: " in shown
