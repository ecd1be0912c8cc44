"""ONNX Runtime's providers by name, and what is said where they are not there."""

import numpy as np
import onnxruntime
import pytest

from leanpose.core.errors import EngineError
from leanpose.engines import create_engine

from .networks import doubling

HERE = onnxruntime.get_available_providers()


@pytest.fixture
def net(tmp_path):
    return doubling(tmp_path / "net.onnx")


def test_the_cpu_by_name(net):
    loaded = create_engine(net, "onnxruntime:CPU")
    assert loaded.name == "onnxruntime"
    np.testing.assert_array_equal(loaded(np.ones((1, 3, 8, 8), np.float32)), np.full((1, 3, 8, 8), 2))


@pytest.mark.parametrize(
    ("provider", "official", "remedy"),
    [
        ("cuda", "CUDA", "pip install onnxruntime-gpu"),
        ("coreml", "CoreML", "on macOS"),
        ("directml", "Dml", "pip install onnxruntime-directml"),
        ("openvino", "OpenVINO", "pip install onnxruntime-openvino"),
        ("webgpu", "WebGpu", "a build of onnxruntime that has it"),
    ],
)
def test_providers_that_this_build_has_not(net, provider, official, remedy):
    if f"{official}ExecutionProvider" in HERE:
        pytest.skip("this build has it")
    with pytest.raises(EngineError, match=f"no provider '{provider}' in this build: .*{remedy}.*has .*cpu"):
        create_engine(net, f"onnxruntime:{provider}")


def test_providers_that_nobody_knows(net):
    with pytest.raises(EngineError, match="knows no provider 'abacus'"):
        create_engine(net, "onnxruntime:abacus")


@pytest.mark.skipif("CUDAExecutionProvider" in HERE, reason="this build has CUDA")
def test_a_provider_that_cannot_start_is_not_replaced_in_silence(net, monkeypatch):
    """As on a machine with onnxruntime-gpu and no driver: onnxruntime falls back to the CPU."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", *HERE])
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession",
        lambda path, options, providers: session(path, options, providers=["CPUExecutionProvider"]),
    )  # fmt: skip
    with pytest.raises(EngineError, match="onnxruntime:cuda cannot start here"):
        create_engine(net, "onnxruntime:cuda")
    for options, fault in (({"precision": "bf16"}, "computes in f32"), ({"deterministic": True}, "same bits")):
        with pytest.raises(EngineError, match=fault):
            create_engine(net, "onnxruntime:cuda", **options)
