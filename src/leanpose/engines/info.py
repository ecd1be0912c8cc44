"""What leanpose finds on this machine: versions, engines, the CPU's features, models, folders."""

import os
import platform
import sys
from importlib import metadata

from leanpose import __version__
from leanpose.core.errors import ModelError
from leanpose.engines import ENGINES, INSTALL, installed_engines, zoo
from leanpose.engines.cache import cache_folder
from leanpose.engines.card import ModelCard
from leanpose.engines.cpu import cpu_features, cpu_model, has_amx
from leanpose.engines.detector_card import DetectorCard

PACKAGES = (
    "numpy", "opencv-python-headless", "onnxruntime", "openvino", "av", "scipy", "torch", "lightning", "onnx",
)  # fmt: skip
OPENVINO_HINT = "this CPU computes in bf16, several times faster, with " + INSTALL["openvino"]


def report() -> dict[str, dict[str, str]]:
    """Sections of named lines, for people to read."""
    found = cpu_features()
    engines = {"precision": _precision()} | {
        name: "installed" if name in installed_engines() else f"no: {INSTALL[name]}" for name in ENGINES
    }
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
            "model": cpu_model(),
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


def _precision() -> str:
    """What ``precision="auto"`` means here, and why."""
    if "openvino" not in installed_engines():
        return "auto is f32: ONNX Runtime computes in nothing else"
    if has_amx():
        return "auto is bf16: this CPU has matrix units for it (AMX)"
    return "auto is int8 for models with ranges beside them, bf16 or f32 for others: this CPU has no AMX"


def would_gain_from_openvino() -> bool:
    """Whether OpenVINO is not installed on a CPU whose bfloat16 units only it would use."""
    found = cpu_features() or []
    return "openvino" not in installed_engines() and ("amx_bf16" in found or "avx512_bf16" in found)


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
