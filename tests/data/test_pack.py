"""Packs: what is trained from one must be what would be trained from the images."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.data.augment import Augmentation
from leanpose.data.dataset import CropDataset
from leanpose.data.pack import pack_datasets, pack_sample
from leanpose.errors import DatasetError
from leanpose.readers import Sample, read_samples
from leanpose.readers.pack import read_pack, write_pack
from leanpose.skeleton import LSP14


def _smooth_image(height: int, width: int, seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (height // 20, width // 20, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _sample(seed: int = 0, size: tuple[int, int] = (300, 400)) -> Sample:
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform((120, 80), (220, 200), size=(14, 2))
    image = cv2.imencode(".png", _smooth_image(*size, seed))[1].tobytes()
    return Sample("lsp", f"lsp/{seed}", image, keypoints, np.ones(14, bool), np.array([110.0, 70, 230, 210]), LSP14)


def _write_lsp(folder: Path, images: bool = True, broken: int | None = 3) -> None:
    """A folder in LSP's layout: 15 people, of whom the 8th is for validation."""
    (folder / "images").mkdir(parents=True)
    savemat(folder / "joints.mat", {"joints": np.random.default_rng(0).uniform(5, 55, (3, 14, 15))})
    for number in range(1, 16 if images else 1):
        path = folder / "images" / f"im{number:04d}.jpg"
        cv2.imwrite(str(path), _smooth_image(60, 60, number))
        if number == broken:
            path.write_bytes(b"broken")


def test_a_packed_person_gives_nearly_the_same_crop() -> None:
    """The picture and the joints of an evaluation crop, from the image and from the pack."""
    sample = _sample()
    packed = pack_sample(sample, side=256, margin=1.7, quality=95)
    crops = [CropDataset([s], (128, 128), 1.25, Augmentation())[0, 0] for s in (sample, packed)]
    assert crops[0][1] == pytest.approx(crops[1][1], abs=1e-6)
    difference = crops[0][0].astype(float) - crops[1][0].astype(float)
    assert np.abs(difference).mean() < 3


def test_nobody_is_enlarged() -> None:
    packed = pack_sample(_sample(), side=1000, margin=1.5, quality=50)
    assert packed.load_image().shape == (210, 210, 3)  # 140 px, the longer side of the box, times the margin


def test_parts_and_labels_survive_the_file(tmp_path: Path) -> None:
    samples = {part: [pack_sample(_sample(seed), 64, 1.5, 50) for seed in seeds] for part, seeds in
               {"train": (1, 2, 3), "val": (4,)}.items()}  # fmt: skip
    samples["train"][1].labelled[5] = False
    write_pack(tmp_path / "people.npz", samples)  # type: ignore[arg-type]
    for part in ("train", "val"):
        for before, after in zip(samples[part], read_pack(tmp_path / "people.npz", part), strict=True):
            assert (after.name, after.dataset, after.skeleton) == (before.name, "lsp", LSP14)
            assert after.image == before.image
            assert after.keypoints == pytest.approx(before.keypoints, abs=1e-4)
            assert after.labelled.tolist() == before.labelled.tolist()
            assert after.box == pytest.approx(before.box, abs=1e-4)
    assert read_pack(tmp_path / "people.npz", "test") == []


def test_what_is_no_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "other.npz").read_bytes()[:-40])
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name, message in (
        ("text.npz", "not a pack"),
        ("other.npz", "not a pack of version"),
        ("no.npz", "not a pack"),
        ("empty.npz", "not a pack"),
        ("cut.npz", "not a pack"),
        ("array.npy", "not a pack"),
    ):
        with pytest.raises(DatasetError, match=message):
            read_pack(tmp_path / name, "train")


def test_people_whose_images_are_broken_are_left_out_and_named(tmp_path: Path) -> None:
    _write_lsp(tmp_path / "lsp")
    report = pack_datasets([f"lsp:{tmp_path / 'lsp'}"], tmp_path / "new" / "people.npz", side=32)
    assert report.counts == {"train": 13, "val": 1}
    assert len(report.skipped) == 1
    assert "lsp/im0003.jpg: not a readable image" in report.skipped[0]
    assert report.size == (tmp_path / "new" / "people.npz").stat().st_size
    names = [s.name for s in read_pack(tmp_path / "new" / "people.npz", "train")]
    assert names == [f"lsp/im{n:04d}.jpg" for n in range(1, 16) if n not in (3, 8)]


def test_a_dataset_without_a_readable_image_makes_no_pack(tmp_path: Path) -> None:
    _write_lsp(tmp_path / "lsp", images=False)
    with pytest.raises(DatasetError, match=r"not a single image to pack; the first of 15: lsp/im0001\.jpg"):
        pack_datasets([f"lsp:{tmp_path / 'lsp'}"], tmp_path / "people.npz")
    assert not (tmp_path / "people.npz").exists()


def test_the_command_packs_counts_and_fails_for_what_it_left_out(tmp_path: Path) -> None:
    _write_lsp(tmp_path / "lsp")
    words = ["data", "pack", "--data", f"lsp:{tmp_path / 'lsp'}", "--out", str(tmp_path / "p.npz"), "--side", "32"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "13 train, 1 val people" in result.output
    assert "skipped: lsp/im0003.jpg" in result.output
    assert len(read_pack(tmp_path / "p.npz", "train")) == 13


def test_the_benchmark_counts_crops(tmp_path: Path) -> None:
    _write_lsp(tmp_path / "lsp", broken=None)
    words = ["data", "benchmark", "--data", f"lsp:{tmp_path / 'lsp'}", "--side", "64"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "samples/s of 64x64 px on one core, over 14 samples" in result.output


def test_real_datasets_fit_their_pack(data_root: Path, tmp_path: Path) -> None:
    """LSP's people and their joints come back at the same place in the picture."""
    spec = f"lsp:{data_root / 'lsp_dataset'}"
    report = pack_datasets([spec], tmp_path / "lsp.npz")
    assert report.counts == {"train": 873, "val": 125}
    assert report.skipped == ()
    assert report.size < 5e6
    originals, packed = read_samples([spec], "val"), read_samples([f"pack:{tmp_path / 'lsp.npz'}"], "val")
    for original, small in list(zip(originals, packed, strict=True))[::25]:
        crops = [CropDataset([s], (128, 128), 1.25, Augmentation())[0, 0] for s in (original, small)]
        assert crops[0][1] == pytest.approx(crops[1][1], abs=0.01)
        correlation = np.corrcoef(crops[0][0].ravel(), crops[1][0].ravel())[0, 1]
        assert correlation > 0.97
