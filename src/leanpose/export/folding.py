"""Rewrites of an exported graph that keep its heatmaps and spend less time: what an export folds.

Convolution and BatchNorm are made one by the exporter and the engines themselves; here stands what they leave.
Weights stay in the file as they were trained, under their names, so that a training can start from it; what is folded
is a constant expression of them, which every engine computes once, while it loads the model.

:func:`split_decoders`: a decoder joins enlarged coarse features with those of the skip and runs BatchNorm, ReLU and a
convolution on both (in a network of ours the convolution alone). All of these act on the two parts apart:
``conv(cat(up(c), s)) = conv_c(up(c)) + conv_s(s)``. The coarse part needs BatchNorm and ReLU on a quarter of the places
only; a 1x1 convolution of it needs a quarter of the multiply-adds, and a 3x3 convolution behind a nearest-neighbour
enlargement is a transposed 4x4 convolution of stride 2, with 4 taps per output instead of 9. Nothing is concatenated.

:func:`merge_links`: between two stacks, features and heatmaps of the first are brought back by 1x1 convolutions and
added. Nothing bends between them, so that they are one: ``F f + H (D f + d) + h = (F + H D) f + (H d + h)``.

:func:`split_transposed`: OpenVINO computes a transposed convolution in many groups with slow code when it computes in
bf16 (three quarters of LPN-50's time). Of kernel 4, stride 2 and padding 1 it is four convolutions of kernel 2, one for
each place in a cell of 2x2 outputs, with the same multiply-adds.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

# A 3x3 kernel w of one axis after an enlargement by 2, as taps of a transposed convolution of stride 2 and padding 1:
# output 2i + p - 1 takes tap p of input i.
TRANSPOSED_TAPS = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float32)
FEWEST_PLACES = 257  # of a decoder: on fewer, what more operations cost by themselves is more than they save


def fold(path: Path) -> dict[str, int]:
    """Rewrite the ONNX file at ``path`` in place; how often each rewrite applied, by the name of its function."""
    model = ir.load(path)
    rewrites = (split_decoders, merge_links, split_transposed)
    applied = {rewrite.__name__: rewrite(model.graph) for rewrite in rewrites}
    if any(applied.values()):
        RemoveUnusedNodesPass()(model)
        ir.save(model, path)
    return applied


class _Builder:
    """Puts new operations in front of a node, to replace it; they are named after it."""

    def __init__(self, before: ir.Node) -> None:
        self._before = before
        self._graph = before.graph
        self._count = 0

    def __call__(self, kind: str, *inputs: ir.Value | None, **attributes: float | Sequence[int] | str) -> ir.Value:
        node = ir.node(kind, inputs, attributes)
        node.outputs[0].name = self._name()
        assert self._graph is not None
        self._graph.insert_before(self._before, node)
        return node.outputs[0]

    def constant(self, array: np.ndarray) -> ir.Value:
        value = ir.Value(name=self._name(), const_value=(tensor := ir.tensor(array)))
        value.type, value.shape = ir.TensorType(tensor.dtype), ir.Shape(array.shape)
        assert isinstance(self._graph, ir.Graph)
        self._graph.register_initializer(value)
        return value

    def taps(self, kernel: ir.Value, first: tuple[int, int]) -> ir.Value:
        """Every second tap of both axes of a kernel (.., .., 4, 4), backwards from ``first``."""
        backwards = (np.array(first), np.full(2, -5), np.array([2, 3]), np.full(2, -2))  # -5: to the front
        return self("Slice", kernel, *(self.constant(numbers) for numbers in backwards))

    def part(self, value: ir.Value, axis: int, start: int, stop: int) -> ir.Value:
        """``value[start:stop]`` along an axis."""
        start_, stop_, axis_ = (self.constant(np.array([number])) for number in (start, stop, axis))
        return self("Slice", value, start_, stop_, axis_)

    def replace(self, value: ir.Value) -> None:
        """Let ``value`` stand for the output of the node."""
        old = self._before.outputs[0]
        value.shape, value.type = old.shape, old.type
        old.replace_all_uses_with(value, replace_graph_outputs=True)

    def _name(self) -> str:
        self._count += 1
        return f"{self._before.outputs[0].name}_folded_{self._count}"


def split_decoders(graph: ir.Graph) -> int:
    """Take apart every ``Conv(Relu(BatchNormalization(Concat(Resize(c), s))))`` and ``Conv(Concat(Resize(c), s))``."""
    count = 0
    for concat in [node for node in graph if node.op_type == "Concat"]:
        coarse, skip = _enlarged(concat.inputs[0]), concat.inputs[-1]
        if len(concat.inputs) != 2 or coarse is None or skip is None or concat.attributes["axis"].as_int() != 1:
            continue
        if _places(concat.outputs[0]) < FEWEST_PLACES:
            continue
        chains = [_chain(consumer) for consumer in concat.outputs[0].consumers()]
        if all(chain is not None for chain in chains):
            for chain in chains:
                assert chain is not None
                _split(coarse, skip, *chain)
            count += len(chains)
    return count


def _places(value: ir.Value) -> float:
    """Height times width, infinite where any size may come."""
    sides = value.shape[2:] if value.shape is not None else ()
    known = [side for side in sides if isinstance(side, int)]
    return float(np.prod(known)) if len(known) == 2 else np.inf


def _enlarged(value: ir.Value | None) -> ir.Value | None:
    """What ``value`` is twice the size of, by nearest neighbour."""
    resize = value.producer() if value is not None else None
    if resize is None or resize.op_type != "Resize":
        return None
    how = (resize.attributes["mode"].as_string(), resize.attributes["coordinate_transformation_mode"].as_string())
    scales = resize.inputs[2].const_value if len(resize.inputs) == 3 and resize.inputs[2] is not None else None
    if how != ("nearest", "asymmetric") or scales is None or scales.numpy().tolist() != [1, 1, 2, 2]:
        return None
    return resize.inputs[0]


def _chain(first: ir.Node) -> tuple[ir.Node | None, ir.Node] | None:
    """The BatchNorm, if any, and the convolution that begin with ``first``, where the latter can be split."""
    norm = first if first.op_type == "BatchNormalization" else None
    relu = _only_consumer(norm) if norm is not None else None
    conv = first if norm is None else _only_consumer(relu) if relu is not None and relu.op_type == "Relu" else None
    if conv is None or conv.op_type != "Conv" or not any(_is_dense(conv, side) for side in (1, 3)):
        return None
    return norm, conv


def _is_dense(conv: ir.Node, side: int) -> bool:
    """Whether a convolution keeps the size, with a square kernel, no gaps and no groups."""
    given = conv.attributes
    pairs = [given.get_ints(name, (1, 1)) for name in ("strides", "dilations")]
    pairs += [(given.get_int("group", 1), 1)]
    kernel, pads = given.get_ints("kernel_shape", ()), given.get_ints("pads", (0,) * 4)
    return all(list(pair) == [1, 1] for pair in pairs) and (*kernel, *pads) == (side, side, *[side // 2] * 4)


def _only_consumer(node: ir.Node) -> ir.Node | None:
    """The node that alone uses the (first) output of ``node``."""
    users = node.outputs[0].consumers()
    return users[0] if len(users) == 1 and not node.outputs[0].is_graph_output() else None


def _split(coarse: ir.Value, skip: ir.Value, norm: ir.Node | None, conv: ir.Node) -> None:
    weight = conv.inputs[1]
    assert weight is not None
    assert weight.shape is not None
    assert coarse.shape is not None
    _out, channels, _height, side = weight.shape.numpy()
    first = coarse.shape[1]
    assert isinstance(first, int)
    last = _gate(conv)
    build = _Builder(last)

    def activated(part: ir.Value, start: int, stop: int) -> ir.Value:
        if norm is None:
            return part
        epsilon = norm.attributes["epsilon"].as_float()
        statistics = [build.part(value, 0, start, stop) for value in norm.inputs[1:] if value is not None]
        return build("Relu", build("BatchNormalization", part, *statistics, epsilon=epsilon))

    low, high = activated(coarse, 0, first), activated(skip, first, channels)
    other, bias = None, next(iter(conv.inputs[2:]), None)
    if last is not conv:  # the gate's factor goes into the weights
        gate = conv.outputs[0].consumers()[0]
        alpha = next(value for value in gate.inputs if value is not conv.outputs[0])
        other = next(value for value in last.inputs if value is not gate.outputs[0])
        weight = build("Mul", weight, build("Transpose", alpha, perm=[1, 0, 2, 3]))
        if bias is not None:
            bias = build("Mul", bias, build("Reshape", alpha, build.constant(np.array([-1]))))
    low_weight, high_weight = build.part(weight, 1, 0, first), build.part(weight, 1, first, channels)
    biases = () if bias is None else (bias,)
    total = build("Conv", high, high_weight, *biases, kernel_shape=[side, side], pads=[side // 2] * 4)
    if other is not None:
        total = build("Add", total, other)
    if side == 3:
        taps, across = build.constant(TRANSPOSED_TAPS), build.constant(TRANSPOSED_TAPS.T.copy())
        kernel = build("Transpose", build("MatMul", build("MatMul", taps, low_weight), across), perm=[1, 0, 2, 3])
        up = build("ConvTranspose", low, kernel, kernel_shape=[4, 4], strides=[2, 2], pads=[1] * 4)
    else:
        scales = build.constant(np.array([1, 1, 2, 2], np.float32))
        up = build(
            "Resize", build("Conv", low, low_weight, kernel_shape=[1, 1]), None, scales, mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )  # fmt: skip
    build.replace(build("Add", total, up))


def _gate(conv: ir.Node) -> ir.Node:
    """The sum at the end of ``conv * alpha + other``, with one factor per channel; without a gate ``conv`` itself."""
    gate = _only_consumer(conv)
    if gate is None or gate.op_type != "Mul":
        return conv
    alpha = next(value for value in gate.inputs if value is not conv.outputs[0])
    total = _only_consumer(gate)
    per_channel = alpha is not None and alpha.const_value is not None and alpha.const_value.shape.rank() == 4
    return total if per_channel and total is not None and total.op_type == "Add" else conv


def merge_links(graph: ir.Graph) -> int:
    """Make one of every ``x + Conv1x1(f) + Conv1x1(Conv1x1(f))``; see the head of this file."""
    count = 0
    for outer in [node for node in graph if node.op_type == "Add"]:
        for inner, heatmap_link in (outer.inputs, outer.inputs[::-1]):
            count += _merge(outer, inner, heatmap_link)
    return count


def _merge(outer: ir.Node, inner_sum: ir.Value | None, link: ir.Value | None) -> int:
    from_heatmaps, inner = _pointwise(link), inner_sum.producer() if inner_sum is not None else None
    head = _pointwise(from_heatmaps.inputs[0]) if from_heatmaps is not None else None
    if from_heatmaps is None or head is None or inner is None or inner.op_type != "Add":
        return 0
    for x, value in (inner.inputs, inner.inputs[::-1]):
        direct = _pointwise(value)
        if direct is None or direct.inputs[0] is not head.inputs[0] or _only_consumer(head) is not from_heatmaps:
            continue
        build = _Builder(outer)
        axes = build.constant(np.array([2, 3]))
        (f_weight, f_bias), (h_weight, h_bias), (d_weight, d_bias) = (
            (build("Squeeze", conv.inputs[1], axes), conv.inputs[2]) for conv in (direct, from_heatmaps, head)
        )
        weight = build("Unsqueeze", build("Add", f_weight, build("MatMul", h_weight, d_weight)), axes)
        bias = build("Add", build("Add", f_bias, h_bias), build("MatMul", h_weight, d_bias))
        merged = build("Conv", head.inputs[0], weight, bias, kernel_shape=[1, 1])
        build.replace(build("Add", x, merged))
        return 1
    return 0


def _pointwise(value: ir.Value | None) -> ir.Node | None:
    """The 1x1 convolution with a bias and without groups that alone ``value`` comes from."""
    conv = value.producer() if value is not None else None
    if conv is None or conv.op_type != "Conv" or len(conv.inputs) != 3:
        return None
    return conv if _is_dense(conv, 1) else None


def split_transposed(graph: ir.Graph) -> int:
    """Make four convolutions of every transposed one with one output channel per group; see the head of this file."""
    count = 0
    for node in [node for node in graph if node.op_type == "ConvTranspose"]:
        given, weight = node.attributes, node.inputs[1]
        groups = given.get_int("group", 1)
        shape = (*given.get_ints("kernel_shape", ()), *given.get_ints("strides", ()), *given.get_ints("pads", ()))
        extra = (*given.get_ints("output_padding", (0, 0)), *(d - 1 for d in given.get_ints("dilations", (1, 1))))
        if weight is None or weight.shape is None or groups == 1 or weight.shape[1] != 1:
            continue
        if shape != (4, 4, 2, 2, 1, 1, 1, 1) or any(extra):
            continue
        build = _Builder(node)
        kernel = build("Reshape", weight, build.constant(np.array([groups, -1, 4, 4])))
        # output 2i of an axis is made of inputs i - 1 and i by taps 3 and 1, output 2i + 1 of i and i + 1 by 2 and 0
        places = [
            build(
                "Conv", node.inputs[0], build.taps(kernel, (3 - row, 3 - column)), *node.inputs[2:], group=groups,
                kernel_shape=[2, 2], pads=[1 - row, 1 - column, row, column],
            )
            for row in (0, 1)
            for column in (0, 1)
        ]  # fmt: skip
        build.replace(build("DepthToSpace", build("Concat", *places, axis=1), blocksize=2, mode="DCR"))
        count += 1
    return count
