"""OpenVINO's own files: the same answers, the same weights, a card that fits."""

from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import ExportError, MissingExtraError
from leanpose.engines import open_session
from leanpose.engines.card import ModelCard, file_sha256
from leanpose.export.open_vino import export_openvino
from leanpose.export.quantize.parity import coarse_noise
from leanpose.export.source import find_source

pytest.importorskip("openvino")


def test_the_files_answer_as_onnx_runtime_answers(tmp_path: Path) -> None:
    source = find_source("nano")
    assert export_openvino(source, tmp_path / "nano") <= 1e-4
    written = tmp_path / "nano" / "nano.xml"
    card = ModelCard.load(written.with_suffix(".json"))
    assert card.sha256 == file_sha256(written)
    images = coarse_noise(card)
    (answer,) = open_session(written, "openvino", precision="f32").run({"images": images}).values()
    (expected,) = open_session(source.path, "onnxruntime", precision="f32").run({"images": images}).values()
    np.testing.assert_allclose(answer, expected, atol=2e-3 * expected.max())  # two engines
    assert written.with_suffix(".bin").stat().st_size < 1.1 * source.path.stat().st_size  # weights stay halves


def test_detectors_go_too_and_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    person = find_source("person")
    assert export_openvino(person, tmp_path / "person") <= 1e-4
    with pytest.raises(ExportError, match="overwrite"):
        export_openvino(person, tmp_path / "person")


def test_without_openvino_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(MissingExtraError, match="openvino"):
        export_openvino(find_source("nano"), tmp_path / "nano")
