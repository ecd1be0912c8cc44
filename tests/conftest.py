"""Fixtures that several tests share."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from leanpose.datasets.readers import Sample

# How long an example takes depends on what else the machine does: no test of behaviour may fail by it.
settings.register_profile("leanpose", deadline=None)
settings.load_profile("leanpose")

os.environ["LEANPOSE_CACHE"] = "0"  # nothing that an earlier run left behind
os.environ.setdefault("OMP_NUM_THREADS", "1")  # what is tested is small, and runs beside other tests
_THREADS = int(os.environ["OMP_NUM_THREADS"])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """``pytest -n 2`` keeps a file's tests in one process, whose trainings and exports they share."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """PyTorch's threads as they were: with two, small trainings on a busy machine take a hundred times as long."""
    yield
    if (torch := sys.modules.get("torch")) is not None and torch.get_num_threads() != _THREADS:
        torch.set_num_threads(_THREADS)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real images, or a skip that says how to get it."""
    root = os.environ.get("LEANPOSE_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("real images are absent: set LEANPOSE_DATA to the folder that holds lsp_dataset/ and the others")
    return Path(root)


@pytest.fixture
def dot_model(tmp_path: Path) -> Callable[..., Path]:
    """Makes a model that finds coloured dots: heatmap k is channel k of the crop, averaged over each 4x4 cell.

    Where a soft dot of one colour lies is known without any network, so the whole way from photo to keypoint can be
    held against it. Arguments are fields of the card; ``grid="corner"`` samples the first pixel of each cell instead
    (the HRNet line's grid), and ``split=True`` splits the first channel into a left and a right joint by the halves
    of the crop.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from leanpose.engines.card import DataSource, ModelCard, file_sha256
    from leanpose.pose.skeleton import Skeleton

    def make(grid: str = "centre", split: bool = False, batch: str | int = "batch", **fields: Any) -> Path:
        joints = ("left_hand", "right_hand") if split else ("nose", "neck", "head_top")
        card = ModelCard(
            **{
                "name": "dots",
                "architecture": "dots",
                "skeleton": Skeleton("dots", joints, ((joints[0], joints[1]),)),
                "input_hw": (96, 64),
                "sigma": 1.5,
                "sha256": "0" * 64,
                "params": 0,
                "macs": 0,
                "recipe": "none",
                "data": (DataSource("none", "none"),),
                "epochs": 0,
                "license": "none",
                "mean": (10.0, 20.0, 30.0),
                "std": (50.0, 60.0, 70.0),
            }
            | fields
        )
        height, width = card.input_hw
        constants = {
            "std": np.reshape(card.std, (1, 3, 1, 1)) / 255,
            "mean": np.reshape(card.mean, (1, 3, 1, 1)) / 255,
            "halves": np.stack([np.arange(width // 4) < width // 8, np.arange(width // 4) >= width // 8])[
                None, :, None
            ],
        }
        cell = 4 if grid == "centre" else 1
        nodes = [
            helper.make_node("Mul", ["images", "std"], ["scaled"]),
            helper.make_node("Add", ["scaled", "mean"], ["pixels"]),
            helper.make_node("AveragePool", ["pixels"], ["cells"], kernel_shape=[cell, cell], strides=[4, 4]),
        ]
        if split:
            constants |= {"from": np.array([0]), "to": np.array([1]), "axis": np.array([1])}
            nodes += [
                helper.make_node("Slice", ["cells", "from", "to", "axis"], ["blue"]),
                helper.make_node("Mul", ["blue", "halves"], ["heatmaps"]),
            ]
        else:
            nodes.append(helper.make_node("Identity", ["cells"], ["heatmaps"]))
        graph = helper.make_graph(
            nodes,
            "dots",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, height, width])],
            [
                helper.make_tensor_value_info(
                    "heatmaps", TensorProto.FLOAT, [batch, len(joints), height // 4, width // 4]
                )
            ],
            [
                numpy_helper.from_array(value if value.dtype.kind == "i" else value.astype(np.float32), name)
                for name, value in constants.items()
                if split or name in ("std", "mean")
            ],
        )
        path = tmp_path / f"{card.name}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
        replace(card, sha256=file_sha256(path)).save(path.with_suffix(".json"))
        return path

    return make


@pytest.fixture
def dots() -> Callable[..., np.ndarray]:
    """Draws soft dots: an image (H, W, 3) with one dot (x, y) or ``None`` per channel, black elsewhere."""

    def draw(height: int, width: int, centres: Sequence[tuple[float, float] | None], sigma: float = 6.0) -> np.ndarray:
        y, x = np.mgrid[:height, :width]
        image = np.zeros((height, width, 3))
        for channel, centre in enumerate(centres):
            if centre is not None:
                image[..., channel] = 255 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))
        return image.round().astype(np.uint8)

    return draw


def _made_samples(count: int, seed: int) -> "list[Sample]":
    """People who are 14 coloured dots on noise."""
    import cv2

    from leanpose.datasets.readers import Sample
    from leanpose.pose.skeleton import LSP14

    rng = np.random.default_rng(seed)
    samples = []
    for i in range(count):
        image = rng.integers(0, 60, (64, 64, 3), np.uint8)
        keypoints = rng.uniform(8, 55, size=(14, 2))
        for j, (x, y) in enumerate(keypoints):
            colour = tuple(int(c) for c in cv2.applyColorMap(np.uint8([[j * 18]]), cv2.COLORMAP_JET)[0, 0])  # type: ignore[arg-type]
            cv2.circle(image, (round(x), round(y)), 3, colour, -1)
        data = cv2.imencode(".png", image)[1].tobytes()
        samples.append(
            Sample("lsp", f"lsp/made{i}", data, keypoints, np.ones(14, bool), np.array([0.0, 0, 63, 63]), LSP14)
        )
    return samples


@pytest.fixture(scope="session")
def made_samples() -> "Callable[[int, int], list[Sample]]":
    """Makes a number of people from a seed."""
    return _made_samples


@pytest.fixture(scope="session")
def made_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with 8 training and 4 validation people."""
    from leanpose.datasets.readers.pack import write_pack

    path = tmp_path_factory.mktemp("pack") / "made.npz"
    write_pack(path, {"train": _made_samples(8, 0), "val": _made_samples(4, 1)})
    return path


@pytest.fixture
def hangups() -> Iterator[None]:
    """SIGHUP as a terminal's programs have it, also where the tests run under nohup."""
    if sys.platform == "win32":
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
