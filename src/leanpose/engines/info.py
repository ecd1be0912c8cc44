"""What leanpose finds on this machine: versions, engines, the CPU's features, models, folders."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from leanpose import __version__
from leanpose.core.errors import ModelError
from leanpose.engines import ENGINES, INSTALL, installed_engines, zoo
from leanpose.engines.cache import cache_folder
from leanpose.engines.card import ModelCard
from leanpose.engines.detector_card import DetectorCard

PACKAGES = (
    "numpy", "opencv-python-headless", "onnxruntime", "openvino", "av", "scipy", "torch", "lightning", "onnx",
)  # fmt: skip
CPU_FEATURES = ("avx2", "fma", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
OPENVINO_HINT = "this CPU computes in bf16, several times faster, with " + INSTALL["openvino"]


def report() -> dict[str, dict[str, str]]:
    """Sections of named lines, for people to read."""
    found = cpu_features()
    engines = {name: "installed" if name in installed_engines() else f"no: {INSTALL[name]}" for name in ENGINES}
    if would_gain_from_openvino():
        engines["hint"] = OPENVINO_HINT
    return {
        "versions": {
            "leanpose": __version__,
            "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
            **{name: _version(name) for name in PACKAGES},
        },
        "engines": engines,
        "cpu": {
            "model": _cpu_model(),
            "cores": f"{len(os.sched_getaffinity(0)) if sys.platform == 'linux' else os.cpu_count()} usable",
            "features": "not known on this system" if found is None else " ".join(found) or "none of note",
        },
        "models": {name: _describe_model(name) for name in zoo.list_models()} or {"none": "in this build"},
        "detectors": {name: _describe_detector(name) for name in zoo.list_detectors()} or {"none": "in this build"},
        "folders": {
            "models": str(zoo.FOLDER),
            "cache": f"{cache_folder() or 'off'} (compiled networks; nothing is downloaded; LEANPOSE_CACHE moves it)",
            "LEANPOSE_DATA": os.environ.get("LEANPOSE_DATA", "not set"),
        },
    }


def cpu_features() -> list[str] | None:
    """Those of :data:`CPU_FEATURES` that the CPU has, or ``None`` where the system does not say."""
    lines = _cpuinfo()
    flags = lines.get("flags", lines.get("Features"))
    return None if flags is None else [feature for feature in CPU_FEATURES if feature in flags.split()]


def would_gain_from_openvino() -> bool:
    """Whether OpenVINO is not installed on a CPU whose bfloat16 units only it would use."""
    found = cpu_features() or []
    return "openvino" not in installed_engines() and ("amx_bf16" in found or "avx512_bf16" in found)


def _cpuinfo() -> dict[str, str]:
    """The first processor's entries, empty where there is no such file."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}


def _cpu_model() -> str:
    return _cpuinfo().get("model name") or platform.processor() or "not known"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _describe_model(name: str) -> str:
    try:
        card = ModelCard.load(zoo.FOLDER / f"{name}.json")
    except ModelError as error:
        return f"unusable: {error}"
    return f"{card.architecture}, {card.skeleton.name}, {card.input_hw[1]}x{card.input_hw[0]}, {_size(name)}"


def _describe_detector(name: str) -> str:
    try:
        card = DetectorCard.load(zoo.FOLDER / f"{name}.json")
    except ModelError as error:
        return f"unusable: {error}"
    return f"{card.architecture}, longer side {card.input_side}, {_size(name)}"


def _size(name: str) -> str:
    return f"{(zoo.FOLDER / f'{name}.onnx').stat().st_size / 1e6:.1f} MB"
