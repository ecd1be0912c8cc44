"""Files that were made to harm: each ends in an error of leanpose, soon and in little memory."""

import hashlib
import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leanpose.core.errors import DatasetError, LeanposeError
from leanpose.datasets.readers import read_samples
from leanpose.datasets.readers.image_folder import ImageFolder
from leanpose.datasets.readers.pack import read_pack, write_pack
from leanpose.datasets.readers.sample import Sample
from leanpose.datasets.readers.yolo import read_yolo
from leanpose.pose.skeleton import LSP14
from leanpose.pose.skeleton_files import load_skeleton

LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [" + ",".join([f"*a{i - 1}"] * 9) + "]\n" for i in range(1, 12)
)
PICTURE = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS + "train: images/train\nkpt_shape: *a11\n", "aliases"),
        (LAUGHS + "train: images/train\nkpt_shape: [3,3]\nkpt_names: *a11\n", "aliases"),
        ("train: images/train\nkpt_shape: [1000000000,3]\n", "1,000,000,000 joints"),
        ("[" * 50_000, "over 1,000 brackets"),
        ("x" * 300_000, "over 200,000 bytes"),
        ("a: " + "9" * 5000, "not YAML"),
    ],
)
def test_hostile_yaml(text, message, tmp_path):
    (tmp_path / "images" / "train").mkdir(parents=True)
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_yolo(tmp_path, "train")


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\u202eb", "x" * 201])
def test_joints_whose_names_a_terminal_would_obey_are_refused(name, tmp_path):
    (tmp_path / "s.json").write_text(json.dumps({"joints": [name, "b"], "flips": []}))
    with pytest.raises(LeanposeError, match="is no name") as caught:
        load_skeleton(tmp_path / "s.json")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


def pack(folder: Path) -> Path:
    points = np.random.default_rng(0).uniform(0, 8, (14, 2))
    sample = Sample("d", "d/a", PICTURE, points, np.ones(14, bool), np.array([0.0, 0, 8, 8]), LSP14)
    write_pack(folder, {"train": [sample]})
    return folder


def with_labels(folder: Path, labels: bytes) -> Path:
    (folder / "labels.npz").write_bytes(labels)
    index = json.loads((folder / "index.json").read_text())
    index["labels"] = {"bytes": len(labels), "sha256": hashlib.sha256(labels).hexdigest()}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def test_a_pack_that_declares_terabytes_is_refused(tmp_path):
    folder = pack(tmp_path / "pack")
    assert len(read_pack(folder, "train")) == 1
    import zipfile

    header, archive = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("keypoints.npy", header.getvalue())
    with pytest.raises(DatasetError, match="says 8,000,000,000,000 bytes, 128 are there"):
        read_pack(with_labels(folder, archive.getvalue()), "train")


def test_links_out_of_a_pack_and_out_of_an_image_folder_are_not_followed(tmp_path):
    folder = pack(tmp_path / "pack")
    shard = folder / "shard-0000.bin"
    shard.rename(tmp_path / "elsewhere")
    shard.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="a link out of the pack"):
        read_pack(folder, "train")
    images = tmp_path / "images"
    (images / "a").mkdir(parents=True)
    (images / "a" / "b.png").write_bytes(PICTURE)
    (images / "within.png").symlink_to(images / "a" / "b.png")
    (images / "out.png").symlink_to(tmp_path / "elsewhere")
    (images / "below").symlink_to(tmp_path)
    (tmp_path / "linked").symlink_to(images)
    for root in (images, tmp_path / "linked"):
        found = ImageFolder(root)
        assert "a/b.png" in found
        assert "within.png" in found
        assert "out.png" not in found
        assert "below/elsewhere" not in found


CSV = "file,nose_x,nose_y,x1,y1,x2,y2\na.png,1,2,0,0,5,5\nb.png,3,4,0,0,5,5\n"
COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 8}],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "tail"]}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "keypoints": [1, 2, 2, 3, 4, 1], "area": 9}
        ],
    }
)
YAML = "train: images/train\nval: images/train\nkpt_shape: [2, 3]\nflip_idx: [0, 1]\nkpt_names: {0: [nose, tail]}\n"
FILES = {"csv": ("labels.csv", CSV), "coco": ("labels.json", COCO), "yolo": ("data.yaml", YAML)}


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(
            st.integers(0, 10**6), st.sampled_from([0, 1, 3]),
            st.sampled_from([b"", b"\xff", b"[[[[", b"9" * 400, b"1e999", b"NaN", b"null", b"\n", b"&a ", b"*a", b'"']),
        ),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_broken_label_files_end_in_samples_or_an_error_of_leanpose(kind, changes, tmp_path):
    name, text = FILES[kind]
    data = bytearray(text.encode())
    for place, length, new in changes:
        at = place % len(data)
        data[at : at + length] = new
    for below in ("", "images/train"):
        os.makedirs(tmp_path / below, exist_ok=True)
        for image in ("a.png", "b.png"):
            (tmp_path / below / image).write_bytes(PICTURE)
    os.makedirs(tmp_path / "labels" / "train", exist_ok=True)
    (tmp_path / "labels" / "train" / "a.txt").write_text("0 .5 .5 .2 .2 .1 .2 2 .3 .4 1\n")
    (tmp_path / name).write_bytes(data)
    try:
        samples = read_samples([f"{kind}:{tmp_path / name}"], "train", problems=[])
    except LeanposeError:
        return
    assert all(np.isfinite(sample.keypoints[sample.labelled]).all() for sample in samples)
