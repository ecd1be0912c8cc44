"""Weights out of an exported model, to train on from: the packaged models come as ONNX alone.

The exporter keeps the names of the weights, in half precision too, but where a BatchNorm follows a convolution it
multiplies the one into the other. Such a BatchNorm starts as an identity with the bias of both, which gives the same
heatmaps; its statistics are gone, and :func:`restore_statistics` measures them again on images before the first
training step.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from leanpose.core.errors import MissingExtraError, ModelError
from leanpose.training.initialisation import head_layers

PREFIX = "network."  # of the exported module, see leanpose.training.checkpoint.AnsweringNet


def read_onnx_weights(path: Path, network: nn.Module, input_hw: tuple[int, int]) -> tuple[dict[str, Tensor], list[str]]:
    """The state of ``network`` as exported to ``path``, and the names of its BatchNorms that became identities.

    Raises:
        ModelError: when the file is none of this network's exports, or of another precision.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnx", "train") from error
    try:
        graph = onnx.load(path).graph
    except (OSError, DecodeError) as error:
        raise ModelError(f"{path}: not readable as ONNX: {error}") from error
    stored = {
        tensor.name.removeprefix(PREFIX): torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in graph.initializer
    }
    for node in graph.node:  # weights in half precision, as 'leanpose quantize --fp16' stores them
        if node.op_type == "Cast" and (half := stored.get(node.input[0].removeprefix(PREFIX))) is not None:
            stored[node.output[0].removeprefix(PREFIX)] = half.float()
    made_of = {node.output[0]: node.input[0] for node in graph.node if node.op_type in ("Slice", "Reshape", "Mul")}

    def trained(name: str) -> str:
        """The weight that :mod:`leanpose.export.folding` has cut a part out of, or multiplied by a gate."""
        while name in made_of:
            name = made_of[name]
        return name.removeprefix(PREFIX)

    biases = {
        trained(node.input[1]): trained(node.input[2])
        for node in graph.node
        if node.op_type in ("Conv", "ConvTranspose") and len(node.input) == 3
    }
    for node in graph.node:
        # weights that are equal are stored once, under the name of one of them
        if node.op_type == "BatchNormalization":
            weight, *others = (trained(name) for name in node.input[1:])
            norm = weight.removesuffix(".weight")
            for part, name in zip(("bias", "running_mean", "running_var"), others, strict=True):
                stored.setdefault(f"{norm}.{part}", stored[name])
    built = network.state_dict()
    state = {name: stored[name] for name in built if name in stored and stored[name].dtype == built[name].dtype}
    folded: list[str] = []
    for convolution, norm in _norms_after_convolutions(network, input_hw).items():
        bias = biases.get(f"{convolution}.weight")
        if f"{norm}.running_var" in state or bias is None:
            continue
        layer = network.get_submodule(norm)
        assert isinstance(layer, _BatchNorm)
        one = torch.ones_like(stored[bias])
        state |= {f"{norm}.weight": one, f"{norm}.bias": stored[bias]}
        state |= {f"{norm}.running_mean": 0 * one, f"{norm}.running_var": one - layer.eps}
        if f"{convolution}.bias" in built:
            state[f"{convolution}.bias"] = 0 * one
        folded.append(norm)
    # how many batches a BatchNorm has seen plays no part in what it does, and earlier stages' heads none in the answer
    heads = {id(parameter) for layer in head_layers(network) for parameter in layer.parameters()}
    idle = {name for name, parameter in network.named_parameters() if id(parameter) in heads}
    idle |= {name for name in built if name.endswith(".num_batches_tracked")}
    state |= {name: built[name] for name in idle - set(state)}
    missing = sorted(set(built) - set(state))
    if missing:
        raise ModelError(
            f"{path}: {len(missing)} weights of the network are not in it as they were trained, such as "
            f"{missing[0]}: start from its checkpoint or .safetensors"
        )
    return state, folded


@torch.no_grad()
def restore_statistics(network: nn.Module, norms: Iterable[str], images_BCHW: Tensor) -> None:
    """Give BatchNorms the statistics of their inputs on normalised crops (B, 3, H, W), without changing what they do.

    With mean m and variance v of its input, a BatchNorm of factor w and bias b computes the same as before in use, and
    in training what it computed in use, when its factor becomes ``w * sqrt((v + eps) / (v0 + eps))`` and its bias
    ``b + w * (m - m0) / sqrt(v0 + eps)``, m0 and v0 being the statistics that it had.
    """
    inputs: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        return lambda _, args: inputs.update({name: args[0].float()})

    layers = {name: network.get_submodule(name) for name in norms}
    hooks = [layer.register_forward_pre_hook(keep(name)) for name, layer in layers.items()]
    network.eval()(images_BCHW)
    for hook in hooks:
        hook.remove()
    for name, layer in layers.items():
        assert isinstance(layer, _BatchNorm)
        assert layer.running_mean is not None
        assert layer.running_var is not None
        variance, mean = torch.var_mean(inputs[name].double(), dim=(0, 2, 3), correction=0)
        before = (layer.running_var.double() + layer.eps).sqrt()
        layer.bias.copy_(layer.bias + layer.weight * (mean - layer.running_mean) / before)
        layer.weight.copy_(layer.weight * (variance + layer.eps).sqrt() / before)
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(variance)


def _norms_after_convolutions(network: nn.Module, input_hw: tuple[int, int]) -> dict[str, str]:
    """Names of the BatchNorms by the convolution whose output is their input, as a pass through the network shows."""
    made: dict[int, tuple[str, Tensor]] = {}  # the tensors are kept, so that no other takes their id
    pairs: dict[str, str] = {}

    def keep(name: str) -> Any:
        def hook(_: nn.Module, __: Any, out: Tensor) -> None:
            made[id(out)] = name, out

        return hook

    def look(name: str) -> Any:
        def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            if id(args[0]) in made:
                pairs[made[id(args[0])][0]] = name

        return hook

    hooks = [
        layer.register_forward_pre_hook(look(name))
        if isinstance(layer, _BatchNorm)
        else layer.register_forward_hook(keep(name))
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | _BatchNorm)
    ]
    training = network.training
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, *input_hw))
    network.train(training)
    for hook in hooks:
        hook.remove()
    return pairs
