"""MPII's json files: numbers by hand."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from leanpose.datasets.writers import ImageStore, Losses, Person
from leanpose.datasets.writers.mpii import write_mpii
from leanpose.pose.skeleton import MPII16


def test_a_person_by_hand(person: Callable[..., Person], tmp_path: Path) -> None:
    """A box of 50 by 60 pixels about (34.5, 49.5): scale 60 / 200, and a centre that lies 15 scales higher."""
    losses: Losses = Counter()
    square = person(box=np.array([0.0, 0, 40, 40]))
    spec = write_mpii(tmp_path, {"test": [person(), square]}, MPII16, ImageStore(tmp_path, "none"), losses)
    assert spec == "mpii:{}"
    first, second = json.loads((tmp_path / "annot" / "valid.json").read_text())
    assert (first["image"], first["scale"], first["center"]) == ("a.jpg", 0.3, [35.5, 46])
    assert first["joints"][:3] == [[11, 21], [12, 23], [-1, -1]]
    assert first["joints_vis"][:4] == [1, 1, 0, 1]
    assert (second["scale"], second["center"]) == (0.2, [21, 18])
    assert losses["boxes that are no squares: the square about them is kept"] == 1
    assert losses["which joints are hidden"] == 2
    assert json.loads((tmp_path / "annot" / "train.json").read_text()) == []
