"""Older kinds of CPU on a newer one: OpenVINO's kernels held below an instruction set, and the proof that they are.

oneDNN, which makes OpenVINO's convolutions and matrix products, takes no instructions above ``ONEDNN_MAX_CPU_ISA``.
OpenVINO's own kernels between them (enlarging, element by element) do not heed it, and neither do ONNX Runtime and
MediaPipe, which is why only OpenVINO is measured below a limit. A CPU that really is of an older kind has other clocks
and caches: ratios between models carry over better than milliseconds.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from leanpose.core.errors import BenchmarkError
from leanpose.core.untold import import_untold
from leanpose.engines import open_session
from leanpose.engines.card_file import file_sha256
from leanpose.engines.cpu import LIMIT, cpu_features
from leanpose.engines.int8 import Int8Ranges, round_to_int8

Isa = Literal["avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16", "amx"]
# from the oldest on: oneDNN's name, and the feature that a CPU must have
LIMITS: dict[str, tuple[str, str]] = {
    "avx2": ("AVX2", "avx2"),
    "avx2_vnni": ("AVX2_VNNI", "avx_vnni"),
    "avx512": ("AVX512_CORE", "avx512f"),
    "avx512_vnni": ("AVX512_CORE_VNNI", "avx512_vnni"),
    "avx512_bf16": ("AVX512_CORE_BF16", "avx512_bf16"),
    "amx": ("AVX512_CORE_AMX", "amx_bf16"),
}
BF16 = ("avx512_bf16", "amx")


def hold_below(isa: Isa, engines: Sequence[str], precisions: Sequence[str]) -> tuple[list[str], list[str]]:
    """Keep OpenVINO, which must not be loaded yet, to the instructions up to ``isa``, from here on and for children.

    Returns:
        Engines and precisions to measure.

    Raises:
        BenchmarkError: when this CPU lacks those instructions or does not say, OpenVINO is loaded, another engine is
            asked for, or bf16 where there are no instructions for it.
    """
    highest, needed = LIMITS[isa]
    if needed not in (cpu_features() or ()):
        raise BenchmarkError(f"--isa {isa}: this CPU does not say that it has {needed}; 'leanpose info' lists it")
    if "openvino" in sys.modules:
        raise BenchmarkError(f"--isa {isa}: OpenVINO is loaded already; ask in a process of its own")
    if others := set(engines) - {"auto", "openvino"}:
        raise BenchmarkError(f"--isa {isa}: {', '.join(sorted(others))} does not heed the limit; only openvino does")
    if "bf16" in precisions and isa not in BF16:
        raise BenchmarkError(f"--isa {isa}: has no instructions for bf16; leave the precision at 'auto'")
    os.environ[LIMIT] = highest
    return ["openvino"], list(precisions)


def check_kernels(isa: Isa, models: Iterable[tuple[Path, str]]) -> str:
    """Names of the kernels that compute the convolutions of model files, each with its precision, below the limit.

    Raises:
        BenchmarkError: when one of them is made of instructions above it.
    """
    core, names = import_untold("openvino").Core(), set()
    for path, asked in models:
        taken = open_session(path, "openvino", precision=asked).precision  # type: ignore[arg-type]
        model = core.read_model(path)
        if taken == "int8" and (ranges := Int8Ranges.load(path, file_sha256(path))):
            round_to_int8(model, ranges.ranges, str(path))
        hint = "bf16" if taken == "bf16" else "f32"
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})
        for node in compiled.get_runtime_model().get_ops():
            about = node.get_rt_info()
            if "Convolution" in str(about["layerType"].astype(str)):
                names.add(about["primitiveType"].astype(str))
    beyond = [name for name in sorted(names) for word in _above(isa) if word in name.split("_")]
    if beyond:
        raise BenchmarkError(f"--isa {isa}: OpenVINO still computes with {', '.join(beyond)}")
    return ", ".join(sorted(names))


def _above(isa: Isa) -> list[str]:
    """Words in names of kernels that tell of instructions above a limit."""
    order = list(LIMITS)
    return [word for word in ("avx512", "amx") if order.index(word) > order.index(isa)]
