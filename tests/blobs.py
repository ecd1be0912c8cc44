"""Detectors whose answers are known without any network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from leanpose.engines.card_file import file_sha256
from leanpose.engines.detector_card import DetectorCard

MEAN, STD = (10.0, 20.0, 30.0), (50.0, 60.0, 70.0)


def blob_detector(path: Path, **fields: Any) -> Path:
    """Writes a detector of layout leanpose: one candidate per colour, the tight box of the pixels whose channel is at
    least half bright, with the channel's peak for a score. Other arguments are fields of the card.
    """
    constants = {"std": np.reshape(STD, (1, 3, 1, 1)) / 255, "mean": np.reshape(MEAN, (1, 3, 1, 1)) / 255}
    constants |= {"zero": np.array(0), "half": np.array(0.5), "one": np.array(1), "far": np.array(1e4)}
    nodes = [
        ("Mul", ["images", "std"], "scaled", {}),
        ("Add", ["scaled", "mean"], "pixels", {}),
        ("GreaterOrEqual", ["pixels", "half"], "bright", {}),
        ("Cast", ["bright"], "on", {"to": TensorProto.FLOAT}),
        ("ReduceMax", ["pixels"], "peak", {"axes": [2, 3], "keepdims": 0}),
        ("Unsqueeze", ["peak", "last"], "score", {}),
    ]
    for name, across in (("x", 2), ("y", 3)):
        nodes += [
            ("ReduceMax", ["on"], f"{name}_on", {"axes": [across], "keepdims": 0}),
            ("Mul", [f"{name}_on", "zero"], f"{name}_none", {}),
            ("Add", [f"{name}_none", "one"], f"{name}_ones", {}),
            ("CumSum", [f"{name}_ones", "axis"], f"{name}_count", {}),
            ("Sub", [f"{name}_count", "one"], f"{name}_at", {}),
            ("Mul", [f"{name}_on", f"{name}_at"], f"{name}_shown", {}),
            ("ReduceMax", [f"{name}_shown"], f"{name}_max", {"axes": [2]}),
            ("Add", [f"{name}_max", "half"], f"{name}2", {}),
            ("Sub", [f"{name}_ones", f"{name}_on"], f"{name}_off", {}),
            ("Mul", [f"{name}_off", "far"], f"{name}_away", {}),
            ("Add", [f"{name}_at", f"{name}_away"], f"{name}_first", {}),
            ("ReduceMin", [f"{name}_first"], f"{name}_min", {"axes": [2]}),
            ("Sub", [f"{name}_min", "half"], f"{name}1", {}),
        ]
    nodes.append(("Concat", ["x1", "y1", "x2", "y2", "score"], "boxes", {"axis": 2}))
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [output], **options) for kind, inputs, output, options in nodes],
        "blobs",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["batch", 3, 5])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
        + [numpy_helper.from_array(np.array(2), "axis"), numpy_helper.from_array(np.array([2]), "last")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    blob_card(path, **fields).save(path.with_suffix(".json"))
    return path


def blob_card(path: Path, **fields: Any) -> DetectorCard:
    """The card of such a detector."""
    common = {"input_side": 128, "input_multiple": 32, "mean": MEAN, "std": STD, "threshold": 0.6, "nms_iou": 0.5}
    return DetectorCard(path.stem, "blobs", **{"layout": "leanpose", "sha256": file_sha256(path)} | common | fields)


def constant_network(
    path: Path, inputs: Mapping[str, tuple[int | str, ...]], outputs: Mapping[str, np.ndarray], says: str = "made"
) -> Path:
    """Writes a network that gives the same whatever it is shown; ``says`` is the name of one of its weights."""
    types = {"orig_target_sizes": TensorProto.INT64}
    nodes = [
        helper.make_node("Cast", [next(iter(inputs))], ["seen"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["seen"], ["top"], keepdims=0),
        helper.make_node("Mul", ["top", says], ["nothing"]),
    ]
    weights = [numpy_helper.from_array(np.zeros((), np.float32), says)]
    for name, value in outputs.items():
        weights.append(numpy_helper.from_array(value, f"{name}_is"))
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        nodes += [
            helper.make_node("Cast", ["nothing"], [f"{name}_nothing"], to=kind),
            helper.make_node("Add", [f"{name}_is", f"{name}_nothing"], [name]),
        ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info(n, types.get(n, TensorProto.FLOAT), shape) for n, shape in inputs.items()],
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
            for n, v in outputs.items()
        ],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path
