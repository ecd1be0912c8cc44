"""A small network whose answers are known, and people whom it finds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.pack import write_pack
from leanpose.engines.calibration import Calibration, Curves
from leanpose.engines.card import DataSource, ModelCard, Score, file_sha256
from leanpose.pose.skeleton import Skeleton

DOTS = Skeleton("dots", ("nose", "neck", "head_top"), (("nose", "neck"), ("neck", "head_top")))
HW = (96, 64)


def make_network(nodes: list[Any], weights: dict[str, np.ndarray], hw: tuple[int, int] = HW, joints: int = 3) -> Any:
    """A model ``images`` -> ``heatmaps`` at a quarter of the size."""
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, *hw])],
        [helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["batch", joints, hw[0] // 4, hw[1] // 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.fixture(scope="session")
def network_of() -> Callable[..., Any]:
    """Makes a model of nodes and weights."""
    return make_network


@pytest.fixture
def dot_network(tmp_path: Path) -> Path:
    """A model with its card: heatmap k is channel k of the crop, by a convolution each for stem, body and head."""
    stem = np.zeros((3, 3, 4, 4), np.float32)
    same = np.zeros((3, 3, 1, 1), np.float32)
    for channel in range(3):
        stem[channel, channel] = 1 / 16
        same[channel, channel] = 1
    nodes = [
        helper.make_node("Conv", ["images", "stem.weight"], ["a"], strides=[4, 4]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "body.weight"], ["c"]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "head.weight"], ["heatmaps"]),
    ]
    path = tmp_path / "dots.onnx"
    onnx.save(make_network(nodes, {"stem.weight": stem, "body.weight": 2 * same, "head.weight": same / 2}), path)
    card = ModelCard(
        "dots", "dots", DOTS, HW, 1.5, file_sha256(path), 0, 0, "none", (DataSource("none", "none"),), 0, "none",
        scores=(Score("PCK", 99.0, "of the original", "none"),),
        calibration=Calibration(Curves(1.0, 1.5, 0.5, 0.5, 1.0), "PCK", "none", "none", 0.2, 0.1, "none"),
    )  # fmt: skip
    card.save(path.with_suffix(".json"))
    return path


def dot_people(count: int, seed: int) -> list[Sample]:
    """People of three soft dots, one in each colour, on black."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: HW[0], : HW[1]]
    people = []
    for number in range(count):
        places = rng.uniform((14, 14), (HW[1] - 15, HW[0] - 15), (3, 2))
        dots = [255 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 72) for px, py in places]
        png = cv2.imencode(".png", np.stack(dots, axis=-1).round().astype(np.uint8))[1].tobytes()
        box = np.array([-0.5, -0.5, HW[1] - 0.5, HW[0] - 0.5])
        people.append(Sample("lsp", f"dots/{seed}/{number}", png, places, np.ones(3, bool), box, DOTS))
    return people


@pytest.fixture(scope="session")
def dot_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of 12 training, 8 validation and 4 test people."""
    path = tmp_path_factory.mktemp("dots") / "pack"
    write_pack(path, {"train": dot_people(12, 0), "val": dot_people(8, 1), "test": dot_people(4, 2)})
    return path


@pytest.fixture
def with_card(dot_network: Path) -> Callable[..., Path]:
    """Changes fields of the dot network's card."""

    def change(**fields: Any) -> Path:
        card_file = dot_network.with_suffix(".json")
        replace(ModelCard.load(card_file), **fields).save(card_file)
        return dot_network

    return change
