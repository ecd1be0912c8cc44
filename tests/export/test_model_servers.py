"""Folders for Triton and OpenVINO Model Server: what the configuration says is what the files take and give."""

import json
import re
from pathlib import Path

import pytest

from leanpose.core.errors import ExportError, ModelError
from leanpose.engines import open_session
from leanpose.export.model_servers import export_ovms, export_triton
from leanpose.export.source import find_source


def _ports(config: str, word: str) -> list[tuple[str, list[int]]]:
    """Names and dims of a port list in protobuf's text format."""
    block = re.search(rf"^{word} \[(.*?)^\]", config, re.M | re.S)
    assert block
    found = re.findall(r'name: "([^"]+)"\s+data_type: TYPE_FP32\s+dims: \[ ([^\]]*) \]', block[1])
    return [(name, [int(side) for side in dims.split(",")]) for name, dims in found]


@pytest.mark.parametrize("name", ["nano", "person"])
def test_triton_is_told_the_ports_of_the_file(name: str, tmp_path: Path) -> None:
    (served,) = export_triton([find_source(name)], tmp_path / "repository")
    assert served.difference == 0
    config = (tmp_path / "repository" / name / "config.pbtxt").read_text()
    session = open_session(tmp_path / "repository" / name / "1" / "model.onnx", "onnxruntime")
    for word, ports in (("input", session.inputs), ("output", session.outputs)):
        expected = [(port, [-1 if side is None else side for side in shape[1:]]) for port, shape in ports.items()]
        assert _ports(config, word) == expected
    assert "max_batch_size: 16" in config
    assert config.count("{") == config.count("}")
    assert f'name: "{name}"' in config


def test_a_model_of_fixed_batch_is_served_as_it_is(tmp_path: Path, dot_model) -> None:
    export_triton([find_source(dot_model(batch=1))], tmp_path / "repository")
    config = (tmp_path / "repository" / "dots" / "config.pbtxt").read_text()
    assert "max_batch_size: 0" in config
    assert "dynamic_batching" not in config
    assert _ports(config, "input") == [("images", [1, 3, 96, 64])]


def test_openvino_model_server_finds_every_model(tmp_path: Path) -> None:
    served = export_ovms([find_source("nano"), find_source("person")], tmp_path / "models")
    assert [model.name for model in served] == ["nano", "person"]
    listed = json.loads((tmp_path / "models" / "config.json").read_text())["model_config_list"]
    for entry in listed:
        folder = tmp_path / "models" / entry["config"]["base_path"].removeprefix("/models/")
        assert folder.name == entry["config"]["name"]
        assert [path.name for path in folder.iterdir() if path.is_dir()] == ["1"]
        assert (folder / "1" / "model.onnx").is_file()


def test_what_cannot_be_served_is_refused(tmp_path: Path) -> None:
    nano = find_source("nano")
    with pytest.raises(ExportError, match="name of its own"):
        export_triton([nano, nano], tmp_path / "a")
    with pytest.raises(ExportError, match="name the models"):
        export_ovms([], tmp_path / "b")
    export_ovms([nano], tmp_path / "c")
    with pytest.raises(ExportError, match="overwrite"):
        export_ovms([nano], tmp_path / "c")
    assert export_ovms([nano], tmp_path / "c", overwrite=True)
    with pytest.raises(ModelError, match="unknown"):
        find_source("huge")
    with pytest.raises(ExportError, match="onnx first"):
        find_source("best.ckpt")
    assert not (tmp_path / "a").exists()


def test_a_name_that_is_no_files_is_refused(dot_model) -> None:
    path = dot_model()
    card = path.with_suffix(".json")
    card.write_text(card.read_text().replace('"name": "dots"', '"name": "a/b"', 1))
    with pytest.raises(ExportError, match="letters, digits"):
        find_source(path)
