"""Turns a TF.js graph model into a frozen TensorFlow graph, which OpenVINO reads. Needs tensorflow, nothing else.

    python examples/tfjs_to_graph.py movenet-thunder.json movenet-thunder.pb

The weights lie beside the .json in the files that it names. TF.js keeps them apart from the graph, half of them as
halves or bytes, has fused convolutions under names of its own, and 32-bit numbers where the graph says 64.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf  # pyright: ignore[reportMissingImports]
from google.protobuf import json_format  # pyright: ignore[reportMissingImports]

CONVOLUTIONS = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}
OF_CONVOLUTIONS = ("T", "strides", "padding", "data_format", "dilations")


def read_weights(manifest: list[dict[str, Any]], folder: Path) -> dict[str, np.ndarray]:
    """The weights by name; each group lies in its files one after the other."""
    weights = {}
    for group in manifest:
        content, start = b"".join((folder / path).read_bytes() for path in group["paths"]), 0
        for entry in group["weights"]:
            packed, dtype = entry.get("quantization", {}), np.dtype(entry["dtype"])
            stored = np.dtype(packed.get("dtype", dtype)).newbyteorder("<")
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(content, stored, count, start).reshape(entry["shape"])
            start += count * stored.itemsize
            if "scale" in packed:
                values = values * packed["scale"] + packed["min"]
            weights[entry["name"]] = values.astype(dtype)
        if start != len(content):
            raise ValueError(f"{', '.join(group['paths'])}: {len(content)} bytes, and the weights are {start}")
    return weights


def add_constant(graph: Any, name: str, value: np.ndarray) -> None:
    """A node that holds a weight."""
    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))


def add_unfused(graph: Any, fused: Any) -> None:
    """A fused convolution as the nodes that it was made of; the last one bears its name."""
    steps = [step.decode() for step in fused.attr["fused_ops"].list.s]
    names = [f"{fused.name}/{number}" for number in range(len(steps))] + [fused.name]
    convolution = graph.node.add(name=names[0], op=CONVOLUTIONS[fused.op], input=fused.input[:2])
    for key in OF_CONVOLUTIONS:
        convolution.attr[key].CopyFrom(fused.attr[key])
    biases = list(fused.input[2:])
    for before, name, step in zip(names, names[1:], steps, strict=False):
        node = graph.node.add(name=name, op=step, input=[before])
        node.attr["T"].CopyFrom(fused.attr["T"])
        if step == "BiasAdd":
            node.input.append(biases.pop(0))
        elif step == "LeakyRelu":
            node.attr["alpha"].f = fused.attr["leakyrelu_alpha"].f
        elif step not in ("Relu", "Relu6", "Elu", "Sigmoid"):
            raise ValueError(f"{fused.name}: a convolution fused with {step}, which this script does not know")


def convert(source: Path) -> bytes:
    """The frozen graph of a TF.js model."""
    model = json.loads(source.read_text(encoding="utf-8"))
    weights = read_weights(model["weightsManifest"], source.parent)
    given = json_format.ParseDict(model["modelTopology"], tf.compat.v1.GraphDef(), ignore_unknown_fields=True)
    graph = tf.compat.v1.GraphDef(versions=given.versions)
    for node in given.node:
        for value in node.attr.values():
            if value.type == tf.int64.as_datatype_enum:
                value.type = tf.int32.as_datatype_enum
        if node.op == "Const":
            add_constant(graph, node.name, weights[node.name])
        elif node.op in CONVOLUTIONS:
            add_unfused(graph, node)
        else:
            graph.node.add().CopyFrom(node)
    return graph.SerializeToString()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(convert(Path(sys.argv[1])))
