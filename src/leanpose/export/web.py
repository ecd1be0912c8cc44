"""The page that finds people's joints in the browser, as a folder of static files: ``leanpose export --web DIR``.

The page's sources are in ``leanpose/web/``. Beside them go the models with their cards, ONNX Runtime for browsers, and
``manifest.json``, which tells the page what there is. The models' half-precision weights stay as they are stored: the
runtime casts them to float32 when it loads them, and the page computes in float32, from half the download.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from leanpose import __version__
from leanpose.core.errors import ExportError, SkeletonError
from leanpose.core.files import check_free, whole_folder
from leanpose.engines.card import ModelCard
from leanpose.engines.card_file import file_sha256
from leanpose.engines.detector_card import DetectorCard
from leanpose.export.source import find_source
from leanpose.export.web_runtime import FILES, PAGE, find_runtime
from leanpose.pose.sigmas import oks_sigmas
from leanpose.pose.skeleton import INTERPOLATED, SKELETONS, Skeleton, view_weights

MARKER = "manifest.json"
WORKER = "offline.js"
MODELS = ("nano", "small", "medium")
SOURCES = ("*.html", "*.css", "*.js", "*.svg")
MODEL_FIELDS = ("name", "input_hw", "sigma", "color", "mean", "std", "padding", "stride", "cell_offset")
DETECTOR_FIELDS = ("name", "input_side", "input_multiple", "margin", "color", "mean", "std", "threshold", "nms_iou")
# what some hosts of static files send with each of them: without it browsers give WebAssembly one thread
HEADERS = "/*\n  Cross-Origin-Opener-Policy: same-origin\n  Cross-Origin-Embedder-Policy: require-corp\n"


@dataclass(frozen=True)
class WebPage:
    """What was written.

    Attributes:
        models: names of the pose models.
        page_bytes: of the page itself, all without models and runtime.
        all_bytes: of everything.
    """

    models: tuple[str, ...]
    page_bytes: int
    all_bytes: int


def export_web(
    folder: Path,
    models: Sequence[str | Path] = MODELS,
    detector: str | Path = "person",
    runtime: Path | None = None,
    overwrite: bool = False,
) -> WebPage:
    """Writes the page, whole or not at all.

    Args:
        folder: which is new, empty, or holds such a page and is to be overwritten.
        models: packaged pose models, or ``.onnx`` files with their cards; the first is chosen at the start.
        detector: a packaged person detector, or one of leanpose's own with its card.
        runtime: see :func:`leanpose.export.web_runtime.find_runtime`.
        overwrite: replace a page that is there.

    Raises:
        ExportError: when the folder is taken or cannot be written, a model is not one that the page can read, or the
            runtime is not to be had.
        ModelError: when a model is unknown, damaged or of another kind.
    """
    check_free(folder, MARKER, overwrite, ExportError)
    found, finder = [find_source(model) for model in models], find_source(detector)
    for source in found:
        if not isinstance(source.card, ModelCard) or source.card.decode != "taylor":
            raise ExportError(f"{source.path}: the page takes pose models, whose cards say decode 'taylor'")
    if not isinstance(finder.card, DetectorCard) or finder.card.layout != "leanpose":
        raise ExportError(f"{finder.path}: the page takes detectors of leanpose's own alone, with their cards")
    names = [source.name for source in found]
    if not names or len({*names, finder.name}) <= len(names):
        raise ExportError(f"models {', '.join([*names, finder.name])}: each needs a name of its own in its card")
    brought = find_runtime(runtime)
    with whole_folder(folder, MARKER, overwrite, ExportError) as place:
        for pattern in SOURCES:
            for file in PAGE.glob(pattern):
                shutil.copyfile(file, place / file.name)
        (place / "_headers").write_text(HEADERS)
        page_bytes = _size(place)
        for sub in ("models", "runtime"):
            (place / sub).mkdir()
        for name in FILES:
            shutil.copyfile(brought / name, place / "runtime" / name)
        for source in [*found, finder]:
            shutil.copyfile(source.path, place / "models" / f"{source.name}.onnx")
            shutil.copyfile(source.path.with_suffix(".json"), place / "models" / f"{source.name}.json")
        content = manifest([(s.path, s.card) for s in found if isinstance(s.card, ModelCard)], finder.card)
        (place / MARKER).write_text(json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n")
        _name_files(place)
        all_bytes = _size(place)
    return WebPage(tuple(names), page_bytes, all_bytes)


def manifest(models: Sequence[tuple[Path, ModelCard]], detector: DetectorCard) -> dict[str, Any]:
    """What the page has to know of its models and of the skeletons that it offers; see leanpose/web/types.js."""
    return {
        "version": __version__,
        "models": [
            {
                "name": card.name,
                "file": f"models/{card.name}.onnx",
                "megabytes": round(path.stat().st_size / 1e6, 1),
                "card": {name: getattr(card, name) for name in MODEL_FIELDS}
                | {
                    "skeleton": card.skeleton.to_dict(),
                    "oks_sigmas": oks_sigmas(card.skeleton)[0].tolist(),
                    "calibration": None if card.calibration is None else {"curves": vars(card.calibration.curves)},
                },
            }
            for path, card in models
        ],
        "detector": {
            "name": detector.name,
            "file": f"models/{detector.name}.onnx",
            "card": {name: getattr(detector, name) for name in DETECTOR_FIELDS},
        },
        "skeletons": _skeletons([card.skeleton for _, card in models]),
        "runtime": [f"runtime/{name}" for name in FILES],
    }


def _skeletons(own: list[Skeleton]) -> list[dict[str, Any]]:
    """The models' own skeleton, and those in which all the models' people can be seen."""
    listed = {skeleton.name: skeleton for skeleton in own} | SKELETONS
    return [
        skeleton.to_dict()
        | {"parts": [[joint] if joint in own[0].joints else list(INTERPOLATED[joint]) for joint in skeleton.joints]}
        for skeleton in listed.values()
        if all(_can_be_seen(model, skeleton) for model in own)
    ]


def _can_be_seen(model: Skeleton, skeleton: Skeleton) -> bool:
    try:
        view_weights(model, skeleton)
    except SkeletonError:
        return False
    return True


def _name_files(place: Path) -> None:
    """Tells the service worker which files there are, and of which build: browsers look for another at each visit."""
    files = sorted(path for path in place.rglob("*") if path.is_file() and path.name not in (WORKER, "_headers"))
    names = [path.relative_to(place).as_posix() for path in files]
    build = sha256("".join(f"{name} {file_sha256(path)}\n" for name, path in zip(names, files, strict=True)).encode())
    worker = (place / WORKER).read_text()
    worker = worker.replace('"not built"', json.dumps(build.hexdigest()[:16])).replace("([])", f"({json.dumps(names)})")
    (place / WORKER).write_text(worker)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
