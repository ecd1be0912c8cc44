"""Older kinds of CPU: OpenVINO is really held below the limit, and what does not heed it is refused."""

import os
import subprocess
import sys

import pytest

from leanpose.benchmark.isa import LIMITS, hold_below
from leanpose.core.errors import BenchmarkError
from leanpose.engines.cpu import cpu_features

FEATURES = cpu_features() or []
COMMAND = "from leanpose.cli import main; main()"


def benchmark(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "benchmark", "nano", *words],
        capture_output=True, text=True, check=False, timeout=300, env=os.environ | {"COLUMNS": "300"},
    )  # fmt: skip


@pytest.mark.parametrize(("isa", "kernel", "absent"), [("avx2", "avx2", "avx512"), ("avx512_bf16", "avx512", "amx")])
def test_kernels_are_those_of_the_limit(isa: str, kernel: str, absent: str) -> None:
    pytest.importorskip("openvino")
    needed = LIMITS[isa][1]
    if needed not in FEATURES:
        pytest.skip(f"this CPU has no {needed}")
    run = benchmark("--isa", isa, "--rounds", "1", "--calls", "1", "--starts", "0", "--batch", "0")
    assert run.returncode == 0, run.stderr
    (held,) = [line for line in run.stdout.splitlines() if "held below" in line]
    assert isa in held
    assert kernel in held.partition("by")[2]
    assert absent not in held.partition("by")[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--isa", "sse2"], "use one of avx2, avx2_vnni"),
        (["--isa", "avx2", "--engine", "onnxruntime"], "onnxruntime does not heed the limit"),
        (["--isa", "avx2", "--precision", "bf16"], "no instructions for bf16"),
        (["--isa", "avx2", "--video", "synthetic"], "videos are not measured"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], message: str) -> None:
    if "avx2" not in FEATURES:
        pytest.skip("this CPU has no avx2")
    run = benchmark(*words)
    assert run.returncode == 2
    assert message in " ".join(run.stderr.split())


def test_a_cpu_without_the_instructions_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leanpose.benchmark.isa.cpu_features", lambda: ["avx2"])
    with pytest.raises(BenchmarkError, match="does not say that it has amx_bf16"):
        hold_below("amx", ["auto"], ["auto"])


def test_too_late_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leanpose.benchmark.isa.cpu_features", lambda: [needed for _, needed in LIMITS.values()])
    monkeypatch.setitem(sys.modules, "openvino", sys)
    with pytest.raises(BenchmarkError, match="loaded already"):
        hold_below("avx512", ["auto"], ["auto"])
