"""What the processor's own meter says of the energy it takes (Intel and AMD on Linux: RAPL)."""

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


class EnergyMeter:
    """The sum of the counters of all processor packages; DRAM and cores are not counted apart.

    Attributes:
        packages: folders of the counters; empty where the machine tells nothing or only the administrator may read.
    """

    packages: tuple[Path, ...]

    def __init__(self, root: Path = POWERCAP) -> None:
        found = []
        for folder in sorted(root.glob("*rapl:*")):
            is_part = folder.name.count(":") > 1  # intel-rapl:0:1 is a part of intel-rapl:0
            if is_part or folder.name.startswith("intel-rapl-mmio"):  # the same counter by another way
                continue
            if _whole(folder / "energy_uj") is not None and _text(folder / "name").startswith("package"):
                found.append(folder)
        self.packages = tuple(found)

    def read(self) -> tuple[int, ...] | None:
        """The counters in microjoules, or ``None`` where one cannot be read."""
        values = [_whole(folder / "energy_uj") for folder in self.packages]
        told = tuple(value for value in values if value is not None)
        return told if told and len(told) == len(values) else None

    def since(self, before: tuple[int, ...] | None) -> float | None:
        """Joules since :meth:`read` gave ``before``; a counter that began again at 0 once meanwhile is made good."""
        now = self.read()
        if before is None or now is None:
            return None
        total = 0
        for folder, start, end in zip(self.packages, before, now, strict=True):
            turn = 0 if end >= start else _whole(folder / "max_energy_range_uj")
            if turn is None:
                return None
            total += end - start + turn
        return total / 1e6


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # not there, or not for everybody
        return ""


def _whole(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None
