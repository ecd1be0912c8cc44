"""Packs: what is trained from one must be what would be trained from the images."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.core.errors import DatasetError
from leanpose.datasets.packing import pack_datasets, pack_sample
from leanpose.datasets.readers import Sample, read_samples
from leanpose.datasets.readers.pack import read_pack
from leanpose.pose.skeleton import LSP14
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import CropDataset


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
    assert packed.load_image().shape == (211, 211, 3)  # the pixels that the 140 px of the box times the margin touch
    assert packed.box == pytest.approx([45, 35, 165, 175])  # moved by (65, 35), the first of these pixels


def test_a_crop_ends_with_its_image() -> None:
    """The person at the upper left, whose square reaches beyond the image, and all of an image that it covers."""
    corner = replace(_sample(), box=np.array([10.0, 20, 110, 80]))
    assert pack_sample(corner, 1000, 1.6, 50).load_image().shape == (131, 141, 3)  # rows to 50 + 80, columns to 60 + 80
    assert pack_sample(replace(_sample(), box=np.array([0.0, 0, 399, 299])), 1000, 1.6, 50).box.tolist() == [
        0,
        0,
        399,
        299,
    ]


def test_lengths_and_areas_shrink_with_the_crop() -> None:
    sample = replace(
        _sample(), area=3000.0, head_size=30.0, occluded=np.arange(14) < 3, image_id=7, person_id="a", box_score=0.5
    )
    packed = pack_sample(sample, side=56, margin=1.6, quality=50)  # of 224 pixels
    assert packed.area == pytest.approx(3000 / 16, rel=0.02)
    assert packed.head_size == pytest.approx(30 / 4, rel=0.01)
    ratio = np.linalg.norm(packed.keypoints[0] - packed.keypoints[5]) / np.linalg.norm(
        sample.keypoints[0] - sample.keypoints[5]
    )
    assert packed.head_size == pytest.approx(30 * ratio)
    assert packed.area == pytest.approx(3000 * ratio**2)
    assert (packed.image_id, packed.person_id, packed.box_score, packed.occluded) == (7, "a", 0.5, sample.occluded)


def test_a_box_without_size_or_beside_the_image_is_refused() -> None:
    for box, fault in (
        ([5, 5, 5, 5], "has no size"),
        ([500, 5, 560, 50], "lies beside the image"),
        ([np.nan] * 4, "no size"),
    ):
        with pytest.raises(DatasetError, match=f"lsp/0: the box .* {fault}"):
            pack_sample(replace(_sample(), box=np.array(box, float)), 64, 1.5, 50)


def test_people_whose_images_are_broken_are_left_out_and_named(tmp_path: Path) -> None:
    _write_lsp(tmp_path / "lsp")
    report = pack_datasets([f"lsp:{tmp_path / 'lsp'}"], tmp_path / "new" / "people", side=32)
    assert report.counts == {"train": 13, "val": 1}
    assert len(report.skipped) == 1
    assert "lsp/im0003.jpg: not a readable image" in report.skipped[0]
    assert report.size == sum(file.stat().st_size for file in (tmp_path / "new" / "people").iterdir())
    names = [s.name for s in read_pack(tmp_path / "new" / "people", "train")]
    assert names == [f"lsp/im{n:04d}.jpg" for n in range(1, 16) if n not in (3, 8)]


def test_a_dataset_without_a_readable_image_makes_no_pack(tmp_path: Path) -> None:
    _write_lsp(tmp_path / "lsp", images=False)
    with pytest.raises(DatasetError, match=r"nobody to pack is in .*: 15 left out\n  lsp/im0001\.jpg"):
        pack_datasets([f"lsp:{tmp_path / 'lsp'}"], tmp_path / "people")
    assert not (tmp_path / "people").exists()


def test_the_command_packs_counts_and_fails_for_what_it_left_out(tmp_path: Path) -> None:
    _write_lsp(tmp_path / "lsp")
    words = ["data", "pack", "--data", f"lsp:{tmp_path / 'lsp'}", "--out", str(tmp_path / "p"), "--side", "32"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "13 train, 1 val people" in result.output
    assert "skipped: lsp/im0003.jpg" in result.output
    assert len(read_pack(tmp_path / "p", "train")) == 13


def test_datasets_of_other_joints_are_packed_together(tmp_path: Path) -> None:
    """LSP's people and a table of people with two joints, mapped by name, in several shards and the same twice."""
    _write_lsp(tmp_path / "lsp", broken=None)
    (tmp_path / "table").mkdir()
    cv2.imwrite(str(tmp_path / "table" / "a.png"), _smooth_image(60, 60, 5))
    text = "file,part,neck_x,neck_y,tail_x,tail_y\na.png,train,20,21,40,50\n"
    (tmp_path / "table" / "people.csv").write_text(text)
    data = [f"--data={kind}:{tmp_path / name}" for kind, name in (("lsp", "lsp"), ("csv", "table"))]
    words = ["data", "pack", *data, "--side=32", "--skeleton=lsp14", "--shard-mb=0.002"]
    for name in ("a", "b"):
        result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
    names = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert len(names) > 4
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    person = read_samples([f"pack:{tmp_path / 'a'}"], "train")[-1]
    assert (person.dataset, person.skeleton, person.labelled.tolist()) == ("csv", LSP14, [False] * 12 + [True, False])
    assert CliRunner().invoke(app, [*words, "--out", str(tmp_path / "a")]).exit_code == 2
    assert CliRunner().invoke(app, [*words, "--out", str(tmp_path / "a"), "--overwrite"]).exit_code == 0


def test_the_benchmark_counts_crops(tmp_path: Path) -> None:
    _write_lsp(tmp_path / "lsp", broken=None)
    words = ["data", "benchmark", "--data", f"lsp:{tmp_path / 'lsp'}", "--side", "64"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "samples/s of 64x64 px on one core, over 14 samples" in result.output


def test_real_datasets_fit_their_pack(data_root: Path, tmp_path: Path) -> None:
    """LSP's people and their joints come back at the same place in the picture."""
    spec = f"lsp:{data_root / 'lsp_dataset'}"
    report = pack_datasets([spec], tmp_path / "pack")
    assert report.counts == {"train": 867, "val": 125}
    assert report.skipped == ()
    assert report.size < 5e6
    originals, packed = read_samples([spec], "val"), read_samples([f"pack:{tmp_path / 'pack'}"], "val")
    for original, small in list(zip(originals, packed, strict=True))[::25]:
        crops = [CropDataset([s], (128, 128), 1.25, Augmentation())[0, 0] for s in (original, small)]
        assert crops[0][1] == pytest.approx(crops[1][1], abs=0.01)
        correlation = np.corrcoef(crops[0][0].ravel(), crops[1][0].ravel())[0, 1]
        assert correlation > 0.97
