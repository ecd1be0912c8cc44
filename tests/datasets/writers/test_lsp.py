"""LSP's and LSP-extended's folders: numbers by hand."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from leanpose.datasets.writers import ImageStore, Losses, Person
from leanpose.datasets.writers.lsp import write_lsp
from leanpose.pose.skeleton import LSP14


def test_the_form_follows_the_labels(person: Callable[..., Person], tmp_path: Path) -> None:
    """Where all joints are labelled the third number says hidden, else labelled; the first pixel is 1."""
    losses: Losses = Counter()
    whole = person(labelled=np.ones(14, bool))
    store = ImageStore(tmp_path, "copy")
    assert (
        write_lsp(tmp_path / "a", {"train": [whole, whole]}, LSP14, ImageStore(tmp_path / "a", "copy"), losses)
        == "lsp:{}"
    )
    joints = loadmat(tmp_path / "a" / "train" / "joints.mat")["joints"]
    assert joints.shape == (3, 14, 2)
    assert joints[:, :3, 0].T.tolist() == [[11, 21, 0], [12, 23, 1], [13, 25, 0]]
    assert sorted(f.name for f in (tmp_path / "a" / "train" / "images").iterdir()) == ["im0001.jpg", "im0002.jpg"]
    assert write_lsp(tmp_path, {"val": [person()]}, LSP14, store, losses) == "lspet:{}"
    joints = loadmat(tmp_path / "val" / "joints.mat")["joints"]
    assert joints.shape == (14, 3, 1)
    assert joints[:3, :, 0].tolist() == [[11, 21, 1], [12, 23, 1], [0, 0, 0]]
    assert (tmp_path / "val" / "images" / "im00001.jpg").is_file()
    assert losses["boxes that are not the hull of the joints"] == 3
    assert losses["which joints are hidden"] == 1  # in the form of LSP-extended


def test_a_single_joint_makes_no_person(person: Callable[..., Person], tmp_path: Path) -> None:
    losses: Losses = Counter()
    people = {"train": [person(labelled=np.arange(14) == 4), person()]}
    write_lsp(tmp_path, people, LSP14, ImageStore(tmp_path, "none"), losses)  # type: ignore[arg-type]
    assert loadmat(tmp_path / "train" / "joints.mat")["joints"].shape == (14, 3, 1)
    assert losses["people with a single labelled joint"] == 1
