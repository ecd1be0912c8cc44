"""Weights in half precision: half the file; both engines compute as before, on weights rounded once."""

from typing import TYPE_CHECKING

import numpy as np

from leanpose.core.errors import ExportError
from leanpose.export.quantize.graph import weight_expressions

if TYPE_CHECKING:
    from onnx import ModelProto


def halve_weights(model: "ModelProto") -> int:
    """Store the weights of convolutions and matrix products as float16, each with a Cast to float32 behind it.

    Where the graph computes weights, those are meant that it computes them from. Biases and normalisations, small in
    size and wide in range, stay as they are.

    Returns:
        how many tensors were rounded.

    Raises:
        ExportError: when a weight is too large for half precision.
    """
    from onnx import TensorProto, helper, numpy_helper

    weights, _ = weight_expressions(model)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.name not in weights or tensor.data_type != TensorProto.FLOAT:
            continue
        with np.errstate(over="ignore"):
            half = numpy_helper.to_array(tensor).astype(np.float16)
        if not np.isfinite(half).all():
            raise ExportError(f"weight {tensor.name} is beyond ±65504 or not finite, which half precision cannot hold")
        casts.append(helper.make_node("Cast", [f"{tensor.name}_f16"], [tensor.name], to=TensorProto.FLOAT))
        casts[-1].name = f"{tensor.name}_to_f32"
        tensor.CopyFrom(numpy_helper.from_array(half, f"{tensor.name}_f16"))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return len(casts)


def rounded(model: "ModelProto") -> "ModelProto":
    """What :func:`halve_weights` should compute, said in another way: the same weights, rounded but held in float32."""
    from onnx import ModelProto, numpy_helper

    copy = ModelProto()
    copy.CopyFrom(model)
    weights, _ = weight_expressions(copy)
    for tensor in copy.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.name in weights and values.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16).astype(np.float32), tensor.name))
    return copy
