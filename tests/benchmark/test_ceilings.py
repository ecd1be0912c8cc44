"""Ways to reach the machine's ceilings."""

import numpy as np
import pytest

from leanpose.benchmark import ceilings
from leanpose.benchmark.ceilings import attempts


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products that take no time."""
    monkeypatch.setattr(ceilings, "PRODUCTS", ((32, 3), (48, 2)))


@pytest.mark.usefixtures("small")
def test_every_way_can_be_timed() -> None:
    found = attempts(threads=None, cores=2, copied=10_001)
    assert len({attempt.call.name for attempt in found}) == len(found)
    assert {attempt.kind for attempt in found} >= {"f32", "copy"}
    for attempt in found:
        assert min(attempt.call.turn(2)) > 0
    works = {attempt.by: attempt.work for attempt in found}
    assert works["NumPy, 2 threads"] == 20_002  # read and written
    for by, work in {"OpenVINO, 3 products of side 32": 3 * 32**3, "PyTorch, side 48": 48**3}.items():
        assert works.get(by, work) == work


@pytest.mark.usefixtures("small")
def test_openvino_computes_the_whole_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product of three factors and what goes in, against NumPy: nothing is folded away or left out."""
    pytest.importorskip("openvino")
    rng = np.random.default_rng(0)
    factors = [rng.random((32, 32), np.float32) / 32 for _ in range(3)]
    expected = np.linalg.multi_dot([rng.random((32, 32), np.float32), *factors])
    answer = ceilings._openvino_products(32, 3, "f32", 1)()
    assert next(iter(answer.values())) == pytest.approx(expected, rel=1e-4)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("small")
def test_a_base_install_has_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "find_spec", lambda name: None)
    for threads in (None, 2):
        assert [attempt.kind for attempt in attempts(threads, cores=2, copied=1000)] == ["f32", "copy"]


def test_all_of_the_memory_is_copied() -> None:
    """Uneven parts leave nothing out."""
    source, target = np.arange(1003), np.zeros(1003, int)
    ceilings._copy(source, target, 4)()
    assert np.array_equal(source, target)
