"""Parameters, multiply-adds and memory of a network, by our count and by the rules that papers used.

MACs are decimal and count convolutions, linear layers and the matrix products of attention. ``Published.counting`` in
``models/registry.py`` names the rules of the papers; :meth:`Complexity.operations` gives each one's figure.
Nothing is computed: the network runs on the meta device, which has shapes but no numbers.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from leanpose.models.registry import Counting

BYTES_PER_VALUE = 4  # float32


@dataclass(frozen=True)
class Block:
    """One top-level part of a network: its parameters and its MACs for one input."""

    name: str
    params: int
    macs: int


@dataclass(frozen=True)
class Complexity:
    """What one crop costs.

    Attributes:
        input_hw: height and width in pixels.
        params: parameters.
        macs: multiply-adds of convolutions, linear layers and matrix products of two activations.
        matmul_macs: the part of ``macs`` that is matrix products of two activations (attention).
        hrnet_macs: by HRNet's rule, before it divides by 2^30: transposed convolutions by output area, no attention.
        pthflops: by the rule of pthflops (FG 2020): a multiply-add, a bias, an addition and a product of activations
            each one, BatchNorm and ReLU two per element, max pooling one less than its window.
        torchstat: by the rule of Lite-HRNet's code, before it divides by 2^30: multiply-adds of layers, biases,
            BatchNorm two per element, ReLU and nearest enlargement one.
        peak_bytes: most bytes of activations that PyTorch holds at once without gradients, in float32.
        blocks: top-level parts in order; their sums are ``params`` and ``macs``.
    """

    input_hw: tuple[int, int]
    params: int
    macs: int
    matmul_macs: int
    hrnet_macs: int
    pthflops: int
    torchstat: int
    peak_bytes: int
    blocks: tuple[Block, ...] = field(repr=False)

    @property
    def doubled(self) -> int:
        """2 x MACs: what many tools print as FLOPs."""
        return 2 * self.macs

    def operations(self, counting: Counting) -> float:
        """The figure that a paper with this rule would print, in its giga unit."""
        figures: dict[Counting, float] = {
            "macs": (self.macs - self.matmul_macs) / 1e9,
            "hrnet": self.hrnet_macs / 2**30,
            "pthflops": self.pthflops / 1e9,
            "torchstat": self.torchstat / 2**30,
        }
        return figures[counting]


class _Recorder(TorchDispatchMode):
    """Sees every operation that the network calls, with the shapes it has there."""

    def __init__(self, ignored: Iterator[Tensor]) -> None:
        super().__init__()
        self.totals: Counter[str] = Counter()
        self.block_macs: Counter[str] = Counter()
        self.block = ""
        self.peak_bytes = 0
        self._weights = {tensor.untyped_storage()._cdata for tensor in ignored}
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        self.hold([leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)])
        self._count(func.overloadpacket.__name__, args, outputs)
        return outputs

    def hold(self, tensors: list[Tensor]) -> None:
        """Add the memory behind ``tensors`` to what is alive, and note the peak."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage._cdata not in self._weights:
                self._live[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self._live = {key: held for key, held in self._live.items() if not held[0].expired()}
        self.peak_bytes = max(self.peak_bytes, sum(size for _, size in self._live.values()))

    def _count(self, operation: str, args: Any, outputs: Any) -> None:
        counted: dict[str, int] = {}
        match operation:
            case "convolution":
                inputs, weight, bias, *_, transposed, _output_padding, _groups = args
                macs = weight.numel() * (inputs if transposed else outputs).shape[2:].numel()
                biases = 0 if bias is None else outputs.numel()
                by_output = weight.numel() * outputs.shape[2:].numel()
                counted = {"macs": macs, "hrnet": by_output, "pthflops": macs + biases, "torchstat": macs + biases}
            case "mm" | "addmm":
                macs = args[-2].numel() * args[-1].shape[1]
                counted = dict.fromkeys(("macs", "hrnet", "pthflops", "torchstat"), macs)
            case "bmm":
                macs = args[0].numel() * args[1].shape[2]
                counted = dict.fromkeys(("macs", "matmul", "pthflops"), macs)
            case "native_batch_norm" | "_native_batch_norm_legit_no_training":
                counted = dict.fromkeys(("pthflops", "torchstat"), 2 * args[0].numel())
            case "relu" | "relu_":
                counted = {"pthflops": 2 * outputs.numel(), "torchstat": outputs.numel()}
            case "upsample_nearest2d":
                counted = {"torchstat": outputs.numel()}
            case "add" | "add_" | "mul" | "mul_":
                counted = {"pthflops": outputs.numel()}
            case "max_pool2d_with_indices":
                rows, columns = args[1] if len(args[1]) == 2 else args[1] * 2
                counted = {"pthflops": (rows * columns - 1) * outputs[0].numel()}
            case "avg_pool2d" | "mean" | "_adaptive_avg_pool2d":
                counted = {"pthflops": args[0].numel()}
        self.totals.update(counted)
        self.block_macs[self.block] += counted.get("macs", 0)


def _top_level(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Children that are called, with lists of modules taken apart."""
    for name, child in model.named_children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from _top_level(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


def complexity(model: nn.Module, input_hw: tuple[int, int]) -> Complexity:
    """Count ``model`` for one crop of ``input_hw`` pixels (height, width). The model itself is left as it is.

    Raises:
        InputSizeError: when the network cannot take that size.
    """
    network = copy.deepcopy(model).to("meta").eval()
    recorder = _Recorder(iter([*network.parameters(), *network.buffers()]))
    image_BCHW = torch.empty(1, 3, *input_hw, device="meta")

    blocks = dict(_top_level(network))
    for name, block in blocks.items():

        def enter(_module: nn.Module, _inputs: Any, name: str = name) -> None:
            recorder.block = name

        def leave(_module: nn.Module, _inputs: Any, _outputs: Any) -> None:
            recorder.block = ""

        block.register_forward_pre_hook(enter)
        block.register_forward_hook(leave)

    with torch.no_grad(), recorder:
        recorder.hold([image_BCHW])
        network(image_BCHW)

    block_params = {name: sum(p.numel() for p in block.parameters()) for name, block in blocks.items()}
    params = sum(p.numel() for p in network.parameters())
    rows = [Block(name, block_params[name], recorder.block_macs[name]) for name in blocks]
    own = Block("(outside)", params - sum(block_params.values()), recorder.block_macs[""])
    return Complexity(
        input_hw=input_hw,
        params=params,
        macs=recorder.totals["macs"],
        matmul_macs=recorder.totals["matmul"],
        hrnet_macs=recorder.totals["hrnet"],
        pthflops=recorder.totals["pthflops"],
        torchstat=recorder.totals["torchstat"],
        peak_bytes=recorder.peak_bytes,
        blocks=tuple(rows + [own] * bool(own.params or own.macs)),
    )
