"""The processor's energy counters, as the kernel's files show them."""

from pathlib import Path

import pytest

from leanpose.measure.timing.energy import EnergyMeter


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Two packages, the core part of one, DRAM as a domain of its own, and the same package over MMIO."""
    zones = {
        "intel-rapl": {},
        "intel-rapl:0": {"name": "package-0", "energy_uj": "1000", "max_energy_range_uj": "5000"},
        "intel-rapl:0:0": {"name": "core", "energy_uj": "900", "max_energy_range_uj": "5000"},
        "intel-rapl:1": {"name": "package-1", "energy_uj": "2000", "max_energy_range_uj": "5000"},
        "intel-rapl:2": {"name": "psys", "energy_uj": "7000", "max_energy_range_uj": "9000"},
        "intel-rapl-mmio:0": {"name": "package-0", "energy_uj": "1000", "max_energy_range_uj": "5000"},
    }
    for zone, files in zones.items():
        (tmp_path / zone).mkdir()
        for name, text in files.items():
            (tmp_path / zone / name).write_text(text + "\n")
    return tmp_path


def test_packages_are_added_and_nothing_is_counted_twice(powercap: Path) -> None:
    meter = EnergyMeter(powercap)
    assert [folder.name for folder in meter.packages] == ["intel-rapl:0", "intel-rapl:1"]
    before = meter.read()
    assert before == (1000, 2000)
    (powercap / "intel-rapl:0/energy_uj").write_text("1400\n")
    (powercap / "intel-rapl:1/energy_uj").write_text("500\n")  # 3000 to the end, 500 from the start
    assert meter.since(before) == pytest.approx((400 + 3500) / 1e6)


def test_a_counter_that_goes_away_tells_nothing(powercap: Path) -> None:
    meter = EnergyMeter(powercap)
    before = meter.read()
    (powercap / "intel-rapl:1/energy_uj").unlink()
    assert meter.read() is None
    assert meter.since(before) is None


def test_a_machine_without_counters_tells_nothing(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        meter = EnergyMeter(root)
        assert meter.packages == ()
        assert meter.read() is None
        assert meter.since(None) is None
