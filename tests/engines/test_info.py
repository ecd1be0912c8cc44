"""The machine report."""

from importlib import metadata

import pytest

from leanpose import engines
from leanpose.engines import cpu as cpu_module
from leanpose.engines import info

CPUINFO = """processor\t: 0
model name\t: Some CPU
flags\t\t: fpu avx2 fma avx512f {extra}

processor\t: 1
flags\t\t: none
"""


@pytest.fixture
def cpu(tmp_path, monkeypatch):
    def make(extra):
        path = tmp_path / "cpuinfo"
        path.write_text(CPUINFO.format(extra=extra))
        monkeypatch.setattr(cpu_module, "Path", lambda _: path)

    return make


def test_features_of_the_first_processor(cpu):
    cpu("amx_bf16 amx_tile")
    assert cpu_module.cpu_features() == ["avx2", "fma", "avx512f", "amx_bf16"]


def test_systems_that_do_not_say(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu_module, "Path", lambda _: tmp_path / "nowhere")
    assert cpu_module.cpu_features() is None
    assert "not known" in info.report()["cpu"]["features"]


@pytest.mark.parametrize(
    ("extra", "installed", "gains"),
    [("amx_bf16", False, True), ("avx512_bf16", False, True), ("amx_bf16", True, False), ("avx512_vnni", False, False)],
)
def test_openvino_is_hinted_at_where_it_would_help(cpu, monkeypatch, extra, installed, gains):
    cpu(extra)
    found = {"openvino": installed, "onnxruntime": True}
    monkeypatch.setattr(engines, "find_spec", lambda name: object() if found[name] else None)
    assert info.would_gain_from_openvino() is gains
    assert ("hint" in info.report()["engines"]) is gains


def test_versions_are_those_installed():
    versions = info.report()["versions"]
    assert versions["numpy"] == metadata.version("numpy")
    assert info._version("no-such-package") == "not installed"


@pytest.mark.parametrize(
    ("limit", "amx", "bf16"),
    [
        (None, True, True), ("ALL", True, True), ("AVX512_CORE_AMX", True, True), ("AVX512_CORE_BF16", False, True),
        ("avx512_core_vnni", False, False), ("AVX2", False, False),
    ],
)  # fmt: skip
def test_what_onednn_may_not_use_is_not_counted_on(cpu, monkeypatch, limit, amx, bf16):
    cpu("amx_int8")
    if limit is None:
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    else:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert cpu_module.has_amx() is amx
    assert cpu_module.may_use("BF16", "AMX") is bf16


def test_the_report_says_what_auto_means(cpu, monkeypatch):
    cpu("amx_int8")
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.setattr(engines, "find_spec", lambda _: object())
    assert "auto is bf16" in info.report()["engines"]["precision"]
    cpu("avx512_vnni")
    assert "auto is int8" in info.report()["engines"]["precision"]
    monkeypatch.setattr(engines, "find_spec", lambda name: object() if name == "onnxruntime" else None)
    assert "auto is f32" in info.report()["engines"]["precision"]
