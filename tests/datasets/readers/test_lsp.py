"""LSP readers: on small folders written to the distributed layout, and on the real ones where they are at hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import read_samples
from leanpose.datasets.readers.lsp import lsp_part, read_hr_lspet, read_lsp, read_lspet


def _write(folder: Path, joints: np.ndarray) -> Path:
    (folder / "images").mkdir(parents=True)
    savemat(folder / "joints.mat", {"joints": joints})
    return folder


def test_parts_follow_the_rule() -> None:
    parts = [lsp_part(n) for n in range(1, 2001)]
    assert parts.count("test") == 1000
    assert parts.count("val") == 125
    assert parts.count("train") == 867
    assert [n for n in range(1, 2001) if lsp_part(n) is None] == [158, 285, 371, 483, 492, 535, 550, 670]
    assert lsp_part(8) == lsp_part(1000) == "val"
    assert lsp_part(1001) == "test"


def test_lsp_keeps_occluded_joints_and_counts_pixels_from_zero(tmp_path: Path) -> None:
    joints = np.zeros((3, 14, 2000))
    joints[0], joints[1], joints[2] = 11.5, np.arange(14)[:, None] + 1, 1  # the flag says occluded
    sample = read_lsp(_write(tmp_path / "lsp", joints), "train")[0]
    assert sample.name == "lsp/im0001.jpg"
    assert sample.labelled.all()
    assert sample.keypoints[3].tolist() == [10.5, 3]
    assert sample.box.tolist() == [10.5, 0, 10.5, 13]


def test_lspet_drops_unlabelled_joints(tmp_path: Path) -> None:
    joints = np.ones((14, 3, 3))
    joints[:, 0, :], joints[:, 1, :] = 21, 31
    joints[5] = [[-500], [900], [0]]
    joints[6, 0, 1] = 51
    samples = read_lspet(_write(tmp_path / "lspet", joints), "train")
    assert len(samples) == 3
    assert samples[0].labelled.tolist() == [j != 5 for j in range(14)]
    assert samples[1].box.tolist() == [20, 30, 50, 30]
    assert read_lspet(tmp_path / "lspet", "val") == []


def test_lspet_leaves_out_people_without_extent(tmp_path: Path) -> None:
    joints = np.random.default_rng(0).uniform(1, 50, (14, 3, 4))
    joints[:, 2] = 1
    joints[:, 2, 1], joints[1:, 2, 2] = 0, 0
    joints[3, :, 3] = np.nan, np.nan, 0  # junk where nothing is labelled
    samples = read_lspet(_write(tmp_path / "lspet", joints), "train")
    assert [s.name for s in samples] == ["lspet/im00001.jpg", "lspet/im00004.jpg"]
    assert np.isfinite(samples[1].box).all()


def test_a_labelled_joint_without_position_names_its_image(tmp_path: Path) -> None:
    joints = np.random.default_rng(0).uniform(1, 50, (3, 14, 20))
    joints[0, 4, 6] = np.nan
    with pytest.raises(DatasetError, match=r"lsp/im0007\.jpg: a labelled joint"):
        read_lsp(_write(tmp_path / "lsp", joints), "train")


@pytest.mark.parametrize("place", ["images", "."])
@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2)])
@pytest.mark.parametrize("third", ["labelled", "occluded", "none"])
def test_re_annotated_lspet(tmp_path: Path, place: str, axes: tuple[int, ...], third: str) -> None:
    joints = np.zeros((14, 3, 3))
    joints[:, 0], joints[:, 1] = np.arange(14)[:, None] + 1, [10, 20, 30]
    joints[:, 2] = third == "labelled"
    joints[4, 2, 1] = third != "labelled"  # the one that differs, in the second of three images
    folder = _write(tmp_path / "hr-lspet", (joints if third != "none" else joints[:, :2]).transpose(axes))
    for number in (2, 7, 10_000):  # some are left out of the release
        (folder / place / f"im{number:05d}.png").touch()
    samples = read_hr_lspet(folder, "train")
    assert [s.name for s in samples] == [f"hr_lspet/im{n}.png" for n in ("00002", "00007", "10000")]
    assert samples[1].image == folder / place / "im00007.png"
    assert samples[1].keypoints[13].tolist() == [13, 19]
    special = [k == 4 for k in range(14)]
    assert samples[1].labelled.tolist() == ([not k for k in special] if third == "labelled" else [True] * 14)
    assert (samples[1].occluded is not None) == (third == "occluded")
    if samples[1].occluded is not None:
        assert samples[1].occluded.tolist() == special
    assert read_hr_lspet(folder, "val") == []


def test_re_annotated_lspet_of_another_layout_is_refused(tmp_path: Path) -> None:
    folder = _write(tmp_path / "hr-lspet", np.ones((14, 3, 2)))
    (folder / "images" / "im00001.png").touch()
    with pytest.raises(DatasetError, match=r"1 images im\*\.png, but joints\.mat is of 2"):
        read_hr_lspet(folder, "train")
    (folder / "images" / "im00002.png").touch()
    joints = np.random.default_rng(0).uniform(1, 50, (14, 3, 2))
    joints[1:, 2, 1] = 0
    savemat(folder / "joints.mat", {"joints": joints})
    problems: list[str] = []
    assert [s.name for s in read_hr_lspet(folder, "train", problems)] == ["hr_lspet/im00001.png"]
    assert problems == ["hr_lspet/im00002.png: fewer than two labelled joints: left out"]
    for wrong, message in (
        ({"joints": np.ones((16, 3, 2))}, "16x3x2, expected 14x2xN"),
        ({"joints": "abc"}, "numbers"),
    ):
        savemat(folder / "joints.mat", wrong)
        with pytest.raises(DatasetError, match=message):
            read_hr_lspet(folder, "train")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("lsp", "KIND:PATH"),
        ("nosuch:x", "lsp, lspet, "),
        ("lsp:/nowhere/at/all", "does not exist"),
    ],
)
def test_wrong_specs_are_refused(spec: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_samples([spec], "train")


def test_wrong_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no joints\.mat"):
        read_lsp(tmp_path, "train")
    with pytest.raises(DatasetError, match=r"14x3x5.*expected 3x14xN"):
        read_lsp(_write(tmp_path / "other", np.ones((14, 3, 5))), "train")
    savemat(tmp_path / "whole.mat", {"joints": np.random.default_rng(0).random((3, 14, 50))}, do_compression=True)
    whole = (tmp_path / "whole.mat").read_bytes()
    for content in (b"not a matlab file at all" * 20, b"", whole[: len(whole) // 2], whole[:200]):
        (tmp_path / "joints.mat").write_bytes(content)
        with pytest.raises(DatasetError, match="not a MATLAB file"):
            read_lsp(tmp_path, "train")


def test_a_missing_or_broken_image_names_the_sample(tmp_path: Path) -> None:
    folder = _write(tmp_path / "lsp", np.random.default_rng(0).uniform(1, 50, (3, 14, 2000)))
    sample = read_lsp(folder, "train")[0]
    with pytest.raises(DatasetError, match=r"lsp/im0001\.jpg.*no such file"):
        sample.load_image()
    (folder / "images" / "im0001.jpg").write_bytes(b"\xff\xd8 broken")
    with pytest.raises(DatasetError, match=r"lsp/im0001\.jpg.*not a readable image"):
        sample.load_image()


def test_real_lsp(data_root: Path) -> None:
    samples = read_lsp(data_root / "lsp_dataset", "test")
    assert len(samples) == 1000
    raw = loadmat(data_root / "lsp_dataset" / "joints.mat")["joints"]
    assert samples[4].name == "lsp/im1005.jpg"
    assert np.array_equal(samples[4].keypoints[13], raw[:2, 13, 1004] - 1)
    outside = 0
    for sample in samples[::50]:
        height, width = sample.load_image().shape[:2]
        outside += int(((sample.keypoints < -0.5) | (sample.keypoints > (width - 0.5, height - 0.5))).any())
    assert outside <= 2


def test_real_lspet(data_root: Path) -> None:
    samples = read_lspet(data_root / "lspet_dataset", "train")
    assert len(samples) == 10_000
    assert min(s.labelled.sum() for s in samples) >= 4
    assert cv2.imread(str(samples[9999].image)) is not None
