"""LPN (ICASSP 2021): attention, iterative training, beta-soft-argmax, and frames per second on a CPU."""

import tempfile
import time
from pathlib import Path

import numpy as np

from lab.reproduce.ablation import Ablation
from lab.reproduce.result import Claim, Result, Row
from lab.reproduce.sizes import SizeTable
from lab.reproduce.trainings import Arm, Setting
from leanpose.engines import create_engine
from leanpose.models import create_model
from leanpose.training.recipes import ablation_lsp

PAPER = "Zhang et al., Simple and lightweight human pose estimation, arXiv 1911.10346"
INPUT_HW, JOINTS = (256, 192), 17
REPEATS, WARM_UP = 40, 5
PRINTED_FPS = 17.0  # LPN-50 with flip test on an i7-8700K

sizes = SizeTable(
    "Sizes of LPN",
    f"{PAPER}, COCO val2017",
    [("LPN-50", "lpn_50"), ("LPN-101", "lpn_101"), ("LPN-152", "lpn_152")],
    "COCO val AP",
    (256, 192),
    ablation_lsp(),
)

attention = Ablation(
    "Attention in LPN's bottleneck: GC, SE or none",
    f"{PAPER}, lightweight bottleneck block",
    ablation_lsp(),
    [
        Arm("lpn_none", "without attention", "lpn_50", {"attention": None}),
        Arm("lpn_se", "SE block", "lpn_50", {"attention": "se"}),
        Arm("lpn_gc", "GC block", "lpn_50", {"attention": "gc"}),
    ],
    [
        ("lpn_gc", "lpn_none", "the GC block helps"),
        ("lpn_gc", "lpn_se", "the GC block beats the SE block"),
    ],
    ["A re-implementation outside the paper reports 66.5 AP with and 64.4 without the GC block on COCO."],
)


def speed(setting: Setting) -> Result:
    """Frames per second of the three depths, with and without flip test, on this machine's engines."""
    from importlib.util import find_spec

    from leanpose.engines.info import report

    engines = ["onnxruntime"] + ["openvino"] * (find_spec("openvino") is not None)
    rows, best = [], 0.0
    for name in ("lpn_50", "lpn_101", "lpn_152"):
        measured = {}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{name}.onnx"
            _write(name, file)
            for kind in engines:
                engine = create_engine(file, kind)
                label = f"frames/s, {kind} {engine.precision}"
                measured[label] = [1 / _seconds(engine, 1)]
                measured[f"{label}, flip test"] = [1 / _seconds(engine, 2)]
        published = {"frames/s, flip test": PRINTED_FPS} if name == "lpn_50" else {}
        rows.append(Row(name, published, measured))
        if name == "lpn_50":
            best = max(value[0] for label, value in measured.items() if label.endswith("flip test"))
    claim = Claim(
        "LPN-50 runs at 17 frames/s with flip test on a desktop CPU",
        "cannot tell",
        f"{best:.0f} frames/s on the fastest engine here; the claim is about another CPU",
    )
    cpu = "; ".join(f"{name} {text}" for name, text in report()["cpu"].items())
    notes = [
        f"Network alone at {INPUT_HW[0]}x{INPUT_HW[1]}, one person, median of {REPEATS} calls; fresh weights, which "
        "take as long as trained ones.",
        f"Measured on: {cpu}.",
    ]
    setup = setting.described()
    return Result(
        setting.name, "LPN on a CPU", f"{PAPER}, inference speed", rows, [claim],
        {"command": setup["command"]}, notes=notes,
    )  # fmt: skip


def _write(name: str, file: Path) -> None:
    from leanpose.export.onnx_file import write_onnx
    from leanpose.training.checkpoint import AnsweringNet

    write_onnx(AnsweringNet(create_model(name, JOINTS), ablation_lsp()), INPUT_HW, file)


def _seconds(engine, batch: int) -> float:
    crops = np.zeros((batch, 3, *INPUT_HW), np.float32)
    times = []
    for _ in range(WARM_UP + REPEATS):
        start = time.perf_counter()
        engine(crops)
        times.append(time.perf_counter() - start)
    return float(np.median(times[WARM_UP:]))
