"""Where a network's time goes: the share of each kind of layer in the time, beside its share in the multiply-adds.

Both engines tell how long each of their operations took. What they fused is one operation to them: a convolution with
the BatchNorm, the ReLU or the sum behind it counts as a convolution. Shares are of the sum over the operations, one
image in a batch. They stay what they are on a machine with other work, as long as that hits all operations alike: of
each operation the fastest of many runs is taken.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leanpose.core.errors import EngineError
from leanpose.core.untold import import_untold
from leanpose.engines import create_engine

if TYPE_CHECKING:
    from rich.table import Table

WARM_UP = 5
KINDS = {  # what engines call the same thing
    **dict.fromkeys(("Subgraph", "Eltwise", "MulAdd", "Add", "Multiply", "Mul", "Relu", "QuickGelu"), "elementwise"),
    **dict.fromkeys(("Sigmoid", "Clip", "HardSigmoid", "BatchNormalization", "Where", "Unknown"), "elementwise"),
    **dict.fromkeys(("Reorder", "ReorderInput", "ReorderOutput", "Transpose", "Convert"), "change of layout"),
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Slice", "StridedSlice"), "reshape, slice"),
    **dict.fromkeys(("Split", "VariadicSplit", "Concat", "Concatenation"), "concat, split"),
    **dict.fromkeys(("MaxPool", "AvgPool", "AveragePool", "GlobalAveragePool"), "pooling"),
    **dict.fromkeys(("Reduce", "ReduceMean", "ReduceMax", "ReduceSum"), "mean, maximum"),
    **dict.fromkeys(("Interpolate", "Resize", "Upsample"), "enlargement"),
    **dict.fromkeys(("FullyConnected", "MatMul", "Gemm", "FusedMatMul"), "matrix product"),
}
TRANSPOSED = ("Deconvolution", "ConvolutionBackpropData", "GroupDeconvolution", "ConvTranspose")
CONVOLUTIONS = ("Convolution", "GroupConvolution", "Conv", "FusedConv", *TRANSPOSED)


@dataclass(frozen=True)
class Layer:
    """One operation of an engine.

    Attributes:
        kind: such as ``"convolution 3x3"``.
        macs: multiply-adds for one image.
        seconds: of the fastest run.
    """

    kind: str
    macs: int
    seconds: float


@dataclass(frozen=True)
class Share:
    """All layers of one kind: how many, and their parts of the multiply-adds and of the time, 0 to 1."""

    kind: str
    layers: int
    macs: float
    time: float


def shares(layers: Sequence[Layer]) -> list[Share]:
    """Kinds by their time, the largest first."""
    macs, seconds = sum(layer.macs for layer in layers), sum(layer.seconds for layer in layers)
    kinds: dict[str, list[Layer]] = {}
    for layer in layers:
        kinds.setdefault(layer.kind, []).append(layer)
    found = [
        Share(kind, len(own), sum(one.macs for one in own) / macs, sum(one.seconds for one in own) / seconds)
        for kind, own in kinds.items()
    ]
    return sorted(found, key=lambda share: -share.time)


def render_shares(title: str, found: Sequence[Share]) -> "Table":
    """A table, with the ratio of the two shares where there are multiply-adds."""
    from rich.table import Table

    table = Table("layers", "number", "% of MACs", "% of time", "time per MAC, mean = 1", title=title)
    for share in found:
        ratio = f"{share.time / share.macs:.2f}" if share.macs > 0 else ""
        table.add_row(share.kind, str(share.layers), f"{100 * share.macs:.1f}", f"{100 * share.time:.1f}", ratio)
    return table


def profile_network(
    name: str, input_hw: tuple[int, int] | None, engine: str, precision: str = "auto", threads: int = 1
) -> tuple[str, list[Share]]:
    """Export the network ``name`` of the registry with random weights and run it: what was run, and the shares.

    Raises:
        ModelError, InputSizeError, EngineError: as the export and :func:`layer_times` do. Needs torch.
    """
    from leanpose.benchmark.untrained import export_untrained
    from leanpose.engines.card import ModelCard

    with tempfile.TemporaryDirectory() as folder:
        onnx = export_untrained(name, Path(folder), input_hw)
        height, width = ModelCard.load(onnx.with_suffix(".json")).input_hw
        layers = layer_times(onnx, (height, width), engine, precision, threads)
    seconds = sum(layer.seconds for layer in layers)
    title = f"{name}, {height}x{width}, {engine} {precision}, {threads} thread(s): {1000 * seconds:.2f} ms"
    return title, shares(layers)


def layer_times(
    onnx: Path, input_hw: tuple[int, int], engine: str = "openvino", precision: str = "auto", threads: int = 1,
    runs: int = 50,
) -> list[Layer]:  # fmt: skip
    """Run a model file with the engine's profiler on one crop of noise.

    Args:
        onnx: a network with one input (N, 3, H, W).
        input_hw: height and width of the crop.
        engine: ``"openvino"`` or ``"onnxruntime"``.
        precision: as :func:`leanpose.engines.create_engine` takes it.
        threads: CPU threads.
        runs: of which the fastest counts, operation by operation.

    Raises:
        EngineError: when the engine is unknown, not installed, or does not compute in that precision.
        ModelError: when the file is missing or damaged.
    """
    if runs < 1:
        raise EngineError(f"{runs} runs: take 1 or more")
    create_engine(onnx, engine, threads, precision)  # type: ignore[arg-type]  # its errors are the ones to show
    image = np.random.default_rng(0).normal(size=(1, 3, *input_hw)).astype(np.float32)
    measure = _openvino if engine == "openvino" else _onnxruntime
    return list(measure(onnx, image, precision, threads, runs))


def _openvino(path: Path, image: np.ndarray, precision: str, threads: int, runs: int) -> Iterator[Layer]:
    openvino = import_untold("openvino")
    core = openvino.Core()
    config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "PERF_COUNT": True}
    if precision != "auto":
        config["INFERENCE_PRECISION_HINT"] = precision
    network = core.read_model(path)
    network.reshape(list(image.shape))
    model = core.compile_model(network, "CPU", config)
    request = model.create_infer_request()
    request.set_input_tensor(openvino.Tensor(image))
    times: dict[str, list[float]] = {}
    for number in range(WARM_UP + runs):
        request.infer()
        if number >= WARM_UP:
            for told in request.get_profiling_info():
                if told.status == openvino.ProfilingInfo.Status.EXECUTED:
                    times.setdefault(told.node_name, []).append(told.real_time.total_seconds())
    for node in model.get_runtime_model().get_ordered_ops():
        if node.get_friendly_name() in times and node.get_output_size():
            inputs = [list(port.get_partial_shape().to_shape()) for port in node.inputs()]
            kind = node.get_rt_info()["layerType"].astype(str)
            seconds = min(times[node.get_friendly_name()])
            yield _layer(kind, inputs, list(node.get_output_shape(0)), seconds)


def _onnxruntime(path: Path, image: np.ndarray, _precision: str, threads: int, runs: int) -> Iterator[Layer]:
    import onnx

    onnxruntime = import_untold("onnxruntime")
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        options.optimized_model_filepath = str(Path(folder) / "optimized.onnx")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for _ in range(WARM_UP + runs):
            session.run(None, {session.get_inputs()[0].name: image})
        events = json.loads(Path(session.end_profiling()).read_text())
        graph = onnx.load(options.optimized_model_filepath).graph
    weights = _weight_shapes(graph)
    told: dict[str, list[Any]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            told.setdefault(event["name"].removesuffix("_kernel_time"), []).append(event)
    for name, same in told.items():
        arguments: dict[str, Any] = same[0]["args"]
        taken, made = (list(next(iter(arguments[f"{way}_type_shape"][0].values()))) for way in ("input", "output"))
        seconds = min(event["dur"] for event in same[WARM_UP:]) / 1e6
        yield _layer(arguments["op_name"], [taken, weights.get(name, [])], made, seconds)


def _weight_shapes(graph: Any) -> dict[str, list[int]]:
    """Shapes of convolutions' weights by the names of their nodes; the engine's profile does not tell them all."""
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    return {node.name: shapes[node.input[1]] for node in graph.node if node.op_type in CONVOLUTIONS}


def _layer(operation: str, inputs: list[list[int]], output: list[int], seconds: float) -> Layer:
    kind, macs = KINDS.get(operation, operation.lower()), 0
    if operation in CONVOLUTIONS:
        kind, macs = _convolution(operation, inputs, output)
    elif kind == "matrix product":
        macs = prod(output) * inputs[0][-1]
    return Layer(kind, macs, seconds)


def _convolution(operation: str, inputs: list[list[int]], output: list[int]) -> tuple[str, int]:
    image, weight = inputs[:2]
    *_, height, width = weight
    transposed = operation in TRANSPOSED
    macs = prod(weight) * prod((image if transposed else output)[2:])
    groups = image[1] * output[1] * height * width // prod(weight)
    if height == width == 1 and groups == image[1]:  # a factor per channel: BatchNorm in ONNX Runtime's own layout
        return "elementwise", 0
    sort = "" if groups == 1 else "depthwise " if groups == image[1] else "grouped "
    return f"{sort}{'transposed ' * transposed}convolution {height}x{width}", macs
