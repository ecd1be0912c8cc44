"""Networks of other projects' layouts that see coloured dots, so that what they must answer is known.

Joint k of each lies on the dot of channel k % 3 of the RGB crop.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # ImageNet's, of RGB from 0 to 255
LANDMARKS_OF_COCO = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]


def save(path: Path, nodes, inputs, outputs, constants) -> Path:
    """Writes a graph; nodes are (kind, inputs, output, attributes), ports (name, type, shape)."""
    graph = helper.make_graph(
        [helper.make_node(kind, given, [made], **options) for kind, given, made, options in nodes],
        "dots",
        [helper.make_tensor_value_info(*port) for port in inputs],
        [helper.make_tensor_value_info(*port) for port in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def _centroids(side: int):
    """Nodes from ``pixels`` (1, S, S, 3) to ``centroids`` (1, 3, 2): x and y of each channel, from the crop's edge."""
    at = np.arange(side, dtype=np.float32) + 0.5
    constants = {
        "x": at.reshape(1, 1, side, 1), "y": at.reshape(1, side, 1, 1), "across": np.array([1, 2]),
        "tiny": np.array(1e-6, np.float32), "last": np.array([2]),
    }  # fmt: skip
    nodes = [("ReduceSum", ["pixels", "across"], "mass", {"keepdims": 0}), ("Add", ["mass", "tiny"], "whole", {})]
    for axis in ("x", "y"):
        nodes += [
            ("Mul", ["pixels", axis], f"{axis}_weighed", {}),
            ("ReduceSum", [f"{axis}_weighed", "across"], f"{axis}_sum", {"keepdims": 0}),
            ("Div", [f"{axis}_sum", "whole"], f"{axis}_at", {}),
            ("Unsqueeze", [f"{axis}_at", "last"], f"{axis}_of", {}),
        ]
    return [*nodes, ("Concat", ["x_of", "y_of"], "centroids", {"axis": 2})], constants


def movenet(path: Path, side: int = 64, element: int = TensorProto.INT32, score: float = 0.7) -> Path:
    """Shares of the square, y before x, and the same score for all."""
    nodes, constants = _centroids(side)
    constants |= {
        "joints": np.arange(17) % 3, "yx": np.array([1, 0]), "side": np.array(side, np.float32),
        "scores": np.full((1, 17, 1), score, np.float32), "one": np.array([1]),
    }  # fmt: skip
    nodes = [
        ("Cast", ["image"], "pixels", {"to": TensorProto.FLOAT}),
        *nodes,
        ("Gather", ["centroids", "joints"], "points", {"axis": 1}),
        ("Gather", ["points", "yx"], "turned", {"axis": 2}),
        ("Div", ["turned", "side"], "shares", {}),
        ("Concat", ["shares", "scores"], "people", {"axis": 2}),
        ("Unsqueeze", ["people", "one"], "output", {}),
    ]
    out = ("output", TensorProto.FLOAT, [1, 1, 17, 3])
    return save(path, nodes, [("image", element, [1, side, side, 3])], [out], constants)


def blazepose(path: Path, visibility: float = 2.0, presence: float = 1.0, person: float = 0.9, fixed=None) -> Path:
    """Landmarks in crop pixels; ``fixed`` are landmarks (x, y) by number that lie there in every crop."""
    nodes, constants = _centroids(256)
    channel = np.zeros(39, int)
    channel[LANDMARKS_OF_COCO] = np.arange(17) % 3
    channel[33], channel[34] = 1, 0  # hips are green, the top is red
    moves, places = np.ones((1, 39, 2), np.float32), np.zeros((1, 39, 2), np.float32)
    for number, place in (fixed or {}).items():
        moves[0, number], places[0, number] = 0, place
    rest = np.stack([np.full((1, 39), value, np.float32) for value in (5.0, visibility, presence)], axis=-1)
    constants |= {
        "landmarks": channel, "moves": moves, "places": places, "rest": rest, "flat": np.array([1, 195]),
        "person": np.full((1, 1), person, np.float32), "zero": np.array(0, np.float32), "first": np.array([0]),
    }  # fmt: skip
    nodes = [
        ("Identity", ["image"], "pixels", {}),
        *nodes,
        ("Gather", ["centroids", "landmarks"], "points", {"axis": 1}),
        ("Mul", ["points", "moves"], "moved", {}),
        ("Add", ["moved", "places"], "placed", {}),
        ("Concat", ["placed", "rest"], "five", {"axis": 2}),
        ("Reshape", ["five", "flat"], "ld_3d", {}),
        ("ReduceMax", ["image"], "peak", {"keepdims": 0}),
        ("Mul", ["peak", "zero"], "none", {}),
        ("Add", ["person", "none"], "output_poseflag", {}),
    ]
    outputs = [("output_poseflag", TensorProto.FLOAT, [1, 1]), ("ld_3d", TensorProto.FLOAT, [1, 195])]
    return save(path, nodes, [("image", TensorProto.FLOAT, [1, 256, 256, 3])], outputs, constants)


def _to_channels(joints: int):
    """Nodes from normalised ``images`` to ``joint_pixels`` (N, K, H, W), from 0 to 1."""
    constants = {
        "std": np.reshape(STD, (1, 3, 1, 1)).astype(np.float32) / 255,
        "mean": np.reshape(MEAN, (1, 3, 1, 1)).astype(np.float32) / 255,
        "joints": np.arange(joints) % 3,
    }
    nodes = [
        ("Mul", ["images", "std"], "scaled", {}),
        ("Add", ["scaled", "mean"], "pixels", {}),
        ("Gather", ["pixels", "joints"], "joint_pixels", {"axis": 1}),
    ]
    return nodes, constants


def heatmaps(path: Path, cells: str = "hrnet", joints: int = 17, hw=(256, 192), batch="batch") -> Path:
    """A map is the crop at the places of its cells: every fourth pixel, or with the outermost on the outermost."""
    nodes, constants = _to_channels(joints)
    height, width = hw
    if cells == "hrnet":
        constants |= {"from": np.array([0, 0]), "to": np.array(hw), "axes": np.array([2, 3]), "by": np.array([4, 4])}
        nodes.append(("Slice", ["joint_pixels", "from", "to", "axes", "by"], "heatmaps", {}))
    else:
        constants |= {"sizes": np.array([height // 4, width // 4])}
        options = {"coordinate_transformation_mode": "align_corners", "mode": "linear", "axes": [2, 3]}
        nodes.append(("Resize", ["joint_pixels", "", "", "sizes"], "heatmaps", options))
    shape = [batch, joints, height // 4, width // 4]
    images = ("images", TensorProto.FLOAT, [batch, 3, *hw])
    return save(path, nodes, [images], [("heatmaps", TensorProto.FLOAT, shape)], constants)


def simcc(path: Path, joints: int = 17, hw=(256, 192), swapped: bool = False) -> Path:
    """Rows of two cells a pixel: the brightest of each column and of each line of the crop."""
    nodes, constants = _to_channels(joints)
    constants |= {"rows": np.array([2]), "columns": np.array([3]), "scales": np.array([1, 1, 2], np.float32)}
    options = {"coordinate_transformation_mode": "asymmetric", "mode": "linear"}
    for name, axis in (("simcc_x", "rows"), ("simcc_y", "columns")):
        nodes += [
            ("ReduceMax", ["joint_pixels", axis], f"{name}_pixels", {"keepdims": 0}),
            ("Resize", [f"{name}_pixels", "", "scales"], name, options),
        ]
    outputs = [
        ("simcc_x", TensorProto.FLOAT, ["batch", joints, 2 * hw[1]]),
        ("simcc_y", TensorProto.FLOAT, ["batch", joints, 2 * hw[0]]),
    ]
    images = ("images", TensorProto.FLOAT, ["batch", 3, *hw])
    return save(path, nodes, [images], outputs[::-1] if swapped else outputs, constants)
