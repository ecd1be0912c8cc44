"""A file that answers otherwise than the one it was made of is found out."""

from pathlib import Path

import pytest

from leanpose.core.errors import ExportError
from leanpose.engines.zoo import find_model
from leanpose.export.check_again import check_again


def test_the_same_file_is_the_same() -> None:
    path, card = find_model("nano")
    assert check_again(path, path, card, "onnxruntime") == 0


def test_other_weights_are_told_apart(tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    path, card = find_model("nano")
    model = onnx.load(path)
    first = model.graph.initializer[0]
    first.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(first) * 1.5 + 0.1, first.name))
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ExportError, match="differs by"):
        check_again(tmp_path / "other.onnx", path, card, "onnxruntime")
