"""The CPU's features, as the system lists them."""

import os
import platform
from pathlib import Path

CPU_FEATURES = ("avx2", "fma", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
LIMIT = "ONEDNN_MAX_CPU_ISA"  # oneDNN takes no instructions above it


def cpu_features() -> list[str] | None:
    """Those of :data:`CPU_FEATURES` that the CPU has, or ``None`` where the system does not say."""
    lines = _cpuinfo()
    flags = lines.get("flags", lines.get("Features"))
    return None if flags is None else [feature for feature in CPU_FEATURES if feature in flags.split()]


def has_amx() -> bool:
    """Whether OpenVINO multiplies in matrix units, where bf16 is nearly as fast as int8."""
    return "amx_int8" in (cpu_features() or ()) and may_use("AMX")


def may_use(*instructions: str) -> bool:
    """Whether nobody held oneDNN, which OpenVINO computes with, below the instructions with these in their names."""
    limit = os.environ.get(LIMIT, "DEFAULT").upper()
    return limit in ("DEFAULT", "ALL") or any(name in limit for name in instructions)


def _cpuinfo() -> dict[str, str]:
    """The first processor's entries, empty where there is no such file."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}


def cpu_model() -> str:
    return _cpuinfo().get("model name") or platform.processor() or "not known"
