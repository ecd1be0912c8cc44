"""What quantisation needs to know of a network's graph, and what it changes in it beforehand."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leanpose.core.errors import ExportError, MissingExtraError, ModelError

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

CONVOLUTIONS = ("Conv", "ConvTranspose")
PRODUCTS = (*CONVOLUTIONS, "Gemm", "MatMul")  # what is worth computing in integers

# Compiled for any batch, OpenVINO 2026.4 applies the scale of an int8 convolution twice where its answer goes two ways,
# unless a bias follows the convolution. This one is far below what any activation resolves, and not 0, which would be
# optimised away.
NO_BIAS = 1e-9


def load(path: Path) -> "ModelProto":
    """Read an ONNX file.

    Raises:
        ModelError: when it is damaged.
        MissingExtraError: when the package onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnx", "quantize") from error
    try:
        return onnx.load(path)
    except (DecodeError, OSError) as error:
        raise ModelError(f"{path} is damaged or not an ONNX model: {error}") from error


def prepare(model: "ModelProto") -> None:
    """Compute weights that are constant expressions, give every node a name, and every convolution a bias."""
    from onnx import numpy_helper

    _fold_constants(model)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
        if node.op_type == "Conv" and len(node.input) == 2 and node.input[1] in weights:
            bias = np.full(weights[node.input[1]].dims[0], NO_BIAS, np.float32)
            model.graph.initializer.append(numpy_helper.from_array(bias, f"{node.name}_no_bias"))
            node.input.append(f"{node.name}_no_bias")


def weight_expressions(model: "ModelProto") -> tuple[set[str], list[int]]:
    """What the weights of convolutions and matrix products are computed from, where the graph computes them.

    Returns:
        names of the tensors in the file, and numbers of the nodes on the way from them to the weights, in order.
    """
    stored = {tensor.name for tensor in model.graph.initializer}
    maker: dict[str, int] = {}  # node by what it makes of constants alone
    for number, node in enumerate(model.graph.node):
        if node.input and all(not name or name in stored or name in maker for name in node.input):
            maker.update(dict.fromkeys(node.output, number))
    wanted = [name for node in model.graph.node if node.op_type in PRODUCTS for name in node.input[:2]]
    sources: set[str] = set()
    numbers: set[int] = set()
    while wanted:
        name = wanted.pop()
        if name in maker and maker[name] not in numbers:
            numbers.add(maker[name])
            wanted += model.graph.node[maker[name]].input
        elif name in stored:
            sources.add(name)
    return sources, sorted(numbers)


def _fold_constants(model: "ModelProto") -> None:
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator

    known = {tensor.name: tensor for tensor in model.graph.initializer}
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    _, numbers = weight_expressions(model)
    folded = [model.graph.node[number] for number in numbers]
    for node in folded:
        values = {name: numpy_helper.to_array(known[name]) for name in node.input if name}
        made = ReferenceEvaluator(node, opsets=opsets).run(None, values)
        for name, value in zip(node.output, made, strict=True):
            known[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
    kept = [node for number, node in enumerate(model.graph.node) if number not in set(numbers)]
    used = {name for node in kept for name in node.input} | {port.name for port in model.graph.output}
    del model.graph.node[:]
    model.graph.node.extend(kept)
    tensors = [tensor for name, tensor in known.items() if name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)


def input_name(model: "ModelProto") -> str:
    """The network's first input that is not a weight."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return next(port.name for port in model.graph.input if port.name not in weights)


def convolutions(model: "ModelProto") -> "list[NodeProto]":
    """All convolutions, in the order of the graph."""
    return [node for node in model.graph.node if node.op_type in CONVOLUTIONS]


def heads(model: "ModelProto") -> list[str]:
    """Names of the last convolutions: those that no other one comes after."""
    leading: set[str] = set()  # tensors from which a convolution can be reached
    found = []
    for node in reversed(model.graph.node):
        convolves, leads = node.op_type in CONVOLUTIONS, not leading.isdisjoint(node.output)
        if convolves and not leads:
            found.append(node.name)
        if convolves or leads:
            leading.update(node.input)
    return found[::-1]


def stem(model: "ModelProto") -> list[str]:
    """Names of the first convolutions: those that no other one comes before."""
    convolved: set[str] = set()  # tensors that a convolution leads to
    found = []
    for node in model.graph.node:
        convolves, after = node.op_type in CONVOLUTIONS, not convolved.isdisjoint(node.input)
        if convolves and not after:
            found.append(node.name)
        if convolves or after:
            convolved.update(node.output)
    return found


def find_layers(model: "ModelProto", wanted: Sequence[str]) -> list[str]:
    """Names of the convolutions that are meant.

    Args:
        wanted: ``"heads"``, ``"stem"``, a node's name, or how the name of a convolution's weights begins, such as
            ``network.stacks.0.decode``.

    Raises:
        ExportError: for a word that means no convolution; it lists some.
    """
    found: list[str] = []
    for word in wanted:
        if word in ("heads", "stem"):
            meant = heads(model) if word == "heads" else stem(model)
        else:
            meant = [
                node.name
                for node in convolutions(model)
                if word == node.name or f"{node.input[1]}.".startswith(f"{word.rstrip('.')}.")
            ]
        if not meant:
            known = ", ".join(node.input[1] for node in convolutions(model)[-3:])
            raise ExportError(f"--keep-float {word}: no such convolution; this network ends with {known}")
        found += [name for name in meant if name not in found]
    return found
