"""Whole runs, small ones."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from leanpose.benchmark import ceilings, fresh
from leanpose.benchmark.result import Benchmark
from leanpose.benchmark.run import Settings, describe_machine, run
from leanpose.benchmark.scene import open_scene
from leanpose.core.errors import BenchmarkError

from ..estimate.teachers import networks

DotModel = Callable[..., Path]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products that take no time, by NumPy alone."""
    monkeypatch.setattr(ceilings, "PRODUCTS", ())


def test_everything_is_measured_that_was_asked_for(dot_model: DotModel) -> None:
    steps: dict[str, int] = {}

    def progress(rounds: Iterable[int], name: str) -> Iterable[int]:
        steps[name] = len(list(rounds))
        return rounds

    first, second = dot_model(name="one"), dot_model(name="two", macs=10**6, params=10**5)
    settings = Settings(
        [str(first), str(second)], ["onnxruntime"], rounds=3, calls=2, batches=(4, 1), starts=1, copied=1000
    )
    done = run(settings, open_scene(), "leanpose benchmark one two", progress)
    assert steps == {"latency": 5, "throughput": 2, "start-up": 1}
    assert done.left_out == {}
    assert [model.label for model in done.models] == ["one, onnxruntime f32", "two, onnxruntime f32"]
    for model in done.models:
        assert {part: (len(t.seconds), t.calls) for part, t in model.timings.items()} == dict.fromkeys(
            ("end to end", "preprocess", "model", "postprocess", "crop to joints"), (3, 6)
        )
        assert list(model.batches) == list(model.streams) == [1, 4]
        (start,) = model.starts
        assert 0 < start.import_s + start.load_s + start.first_s < start.total_s
        assert start.grown_mib is None or start.grown_mib > 5  # NumPy, OpenCV and ONNX Runtime at least
    assert done.share(done.models[0], "model") is None  # no multiply-adds are known
    assert done.share(done.models[1], "model") is not None
    assert Benchmark.from_dict(json.loads(json.dumps(done.to_dict()))) == done


def test_parts_of_the_run_can_be_left_out(dot_model: DotModel) -> None:
    settings = Settings([str(dot_model())], ["onnxruntime"], rounds=1, calls=1, batches=(), starts=0, copied=1000)
    done = run(settings, open_scene(), "")
    assert done.models[0].batches == {}
    assert done.models[0].starts == ()


def test_peers_files_take_turns_with_our_models(dot_model: DotModel, tmp_path: Path) -> None:
    peer = networks.movenet(tmp_path / "peer.onnx")
    models = [str(dot_model()), f"movenet:{peer}"]
    done = run(
        Settings(models, ["onnxruntime"], rounds=2, calls=1, batches=(1,), copied=1000, starts=1), open_scene(), ""
    )
    ours, other = done.models
    assert (other.label, other.kind, list(other.timings)) == ("peer, onnxruntime f32", "peer", ["end to end"])
    assert len(other.timings["end to end"].seconds) == len(ours.timings["end to end"].seconds) == 2
    assert (other.batches, len(other.starts)) == ({}, 1)
    assert "crop 1.15 of the box" in other.note
    assert Benchmark.from_dict(json.loads(json.dumps(done.to_dict()))) == done


def test_a_start_that_fails_is_said_and_not_tried_again(dot_model: DotModel, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dot_model()
    tried = []

    def start(wanted: object) -> fresh.Start:
        tried.append(wanted)
        path.unlink(missing_ok=True)
        return real(wanted)  # type: ignore[arg-type]

    real = fresh.start
    monkeypatch.setattr(fresh, "start", start)
    settings = Settings([str(path)], ["onnxruntime"], rounds=1, calls=1, batches=(), starts=3, copied=1000)
    done = run(settings, open_scene(), "")
    assert len(tried) == 1
    assert "no model file at" in done.left_out["dots, onnxruntime f32: start"]


@pytest.mark.skipif(not hasattr(os, "getloadavg"), reason="this system does not tell how busy it is")
@pytest.mark.parametrize(("load", "warns"), [(0.1, False), (1000.0, True)])
def test_a_busy_machine_is_told(monkeypatch: pytest.MonkeyPatch, load: float, warns: bool) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    told = describe_machine()["load at the start"]
    assert told.startswith(f"{load:.1f} on ")
    assert ("do not rely" in told) == warns


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"calls": 0}, {"starts": -1}, {"batches": (1, 0)}])
def test_nonsense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BenchmarkError, match="must be 1 or more"):
        Settings(["small"], **wrong)  # type: ignore[arg-type]
