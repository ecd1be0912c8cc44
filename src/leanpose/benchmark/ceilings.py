"""What the machine can do at best: products of matrices, and copying memory.

They are measured by the means that are installed, in turn with the models, and the fastest is the ceiling. A model's
share of it says how much of the machine it uses, whatever the machine.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import numpy as np

from leanpose.core.untold import import_untold
from leanpose.engines.cpu import cpu_features
from leanpose.measure.timing.turns import Call

Kind = Literal["bf16", "f32", "copy"]
# side and how many in a row: a row in one graph, so that what goes in and out costs next to nothing
PRODUCTS = ((512, 16), (1024, 8))
COPIED = 256 * 2**20  # bytes; beyond the caches of most machines


@dataclass(frozen=True)
class Attempt:
    """A way to reach a ceiling.

    Attributes:
        kind: of the ceiling.
        by: what does the work.
        work: of one call: multiply-adds, or bytes read and written.
        call: does it.
    """

    kind: Kind
    by: str
    work: int
    call: Call


def attempts(threads: int | None, cores: int, copied: int = COPIED, bf16: bool = True) -> list[Attempt]:
    """All ways that are installed.

    Args:
        threads: as the models are given; ``None`` for one per core.
        cores: that may be used.
        copied: bytes of the copy.
        bf16: whether its products are tried.
    """
    found: list[Attempt] = []

    def add(kind: Kind, by: str, work: int, function: Callable[[], object]) -> None:
        found.append(Attempt(kind, by, work, Call(f"ceiling: {kind} by {by}", function)))

    for side, row in PRODUCTS:
        if find_spec("openvino"):
            for kind in _openvino_kinds() if bf16 else ("f32",):
                by = f"OpenVINO, {row} products of side {side}"
                add(kind, by, row * side**3, _openvino_products(side, row, kind, threads))
        if find_spec("torch"):
            for kind in ("bf16", "f32") if bf16 and _computes_in_bf16() else ("f32",):
                add(kind, f"PyTorch, side {side}", side**3, _torch_product(side, kind, threads or cores))
    if threads is None or not found:  # the threads of NumPy's BLAS are not ours to set
        add("f32", "NumPy, side 1024", 1024**3, _numpy_product(1024))
    source, target = np.ones(copied, np.uint8), np.zeros(copied, np.uint8)
    add("copy", f"NumPy, {threads or cores} threads", 2 * copied, _copy(source, target, threads or cores))
    return found


def _numpy_product(side: int) -> Callable[[], object]:
    a = np.random.default_rng(0).random((side, side), np.float32)
    out = np.empty_like(a)
    return lambda: np.matmul(a, a, out=out)


def _openvino_kinds() -> tuple[Literal["bf16", "f32"], ...]:
    told = import_untold("openvino").Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("bf16", "f32") if "BF16" in told else ("f32",)


def _computes_in_bf16() -> bool:
    """Whether the CPU is known to; others imitate it, many times slower."""
    return bool({"amx_bf16", "avx512_bf16"} & set(cpu_features() or ()))


def _openvino_products(side: int, row: int, precision: str, threads: int | None) -> Callable[[], object]:
    openvino = import_untold("openvino")
    from openvino import opset13

    rng = np.random.default_rng(0)
    start = opset13.parameter([side, side], np.float32)
    product = start
    for _ in range(row):
        factor = rng.random((side, side), np.float32) / side  # so that the numbers stay of one size
        product = opset13.matmul(product, opset13.constant(factor), False, False)
    config: dict[str, str | int] = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    if threads is not None:
        config["INFERENCE_NUM_THREADS"] = threads
    graph = openvino.Model([product], [start])  # pyright: ignore[reportGeneralTypeIssues]
    compiled = openvino.Core().compile_model(graph, "CPU", config)
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(rng.random((side, side), np.float32)))
    return request.infer


def _torch_product(side: int, precision: str, threads: int) -> Callable[[], object]:
    import torch

    torch.set_num_threads(threads)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.rand(side, side).to(kind) for _ in range(2))
    out = torch.empty_like(a)
    return lambda: torch.mm(a, b, out=out)


def _copy(source: np.ndarray, target: np.ndarray, threads: int) -> Callable[[], object]:
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(lambda part: np.copyto(*part), parts))
