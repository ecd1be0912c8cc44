"""The files of packs: everything about a person comes back, and damage is found before it is trained on."""

import json
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.pack import pack_size, read_pack, write_pack
from leanpose.datasets.readers.sample import FileSlice
from leanpose.pose.skeleton import COCO17, Skeleton

DOG = Skeleton("dog", ("nose", "tail"), (("nose", "tail"),), (0.5, 0.25), ("nose", "tail"), ())


def _dog(number: int, size: int = 100, **fields: object) -> Sample:
    rng = np.random.default_rng(number)
    points = rng.uniform(0, 99, (2, 2)).astype(np.float32).astype(float)
    box = np.array([0.5, 1.25, 60, 80.5])
    values = {"occluded": np.array([True, False]), "area": 812.3, "head_size": 12.7, "box_score": 0.25}
    values |= {"crowd": True, "image_id": 36, "person_id": "36/2"} | fields
    return Sample("csv", f"csv/ü{number}", rng.bytes(size), points, np.array([True, False]), box, DOG, **values)  # type: ignore[arg-type]


def test_everything_about_a_person_comes_back(tmp_path: Path) -> None:
    plain = dict.fromkeys(("occluded", "area", "head_size", "image_id", "person_id"), None) | {"crowd": False}
    before = [_dog(1), _dog(2, **plain), _dog(3, image_id="a.jpg", person_id=0)]
    assert write_pack(tmp_path / "p", {"train": before}) == {"train": 3}
    after = read_pack(tmp_path / "p", "train")
    for a, b in zip(before, after, strict=True):
        assert b.image_bytes() == a.image
        assert b.skeleton == DOG
        for name in ("dataset", "name", "area", "head_size", "box_score", "crowd", "image_id", "person_id"):
            assert getattr(b, name) == getattr(a, name), name
        for name in ("keypoints", "labelled", "box", "occluded"):
            expected = getattr(a, name)
            assert getattr(b, name) is None if expected is None else (getattr(b, name) == expected).all(), name
    assert read_pack(tmp_path / "p", "val") == []
    assert len(read_pack(tmp_path / "p" / "index.json", "train")) == 3


def test_shards_hold_no_more_than_asked_for_and_all_crops(tmp_path: Path) -> None:
    sizes = [40, 50, 30, 200, 10, 90]
    write_pack(tmp_path / "p", {"train": [_dog(i, size) for i, size in enumerate(sizes)]}, shard_bytes=100)
    files = sorted((tmp_path / "p").glob("shard-*.bin"))
    assert [file.stat().st_size for file in files] == [90, 30, 200, 100]  # filled in order, by hand
    assert [s.image_bytes() for s in read_pack(tmp_path / "p", "train")] == [
        _dog(i, size).image for i, size in enumerate(sizes)
    ]
    assert pack_size(tmp_path / "p") == sum(file.stat().st_size for file in (tmp_path / "p").iterdir())


def test_crops_are_taken_one_at_a_time_and_read_when_asked_for(tmp_path: Path) -> None:
    """A writer that collected them first, or a reader that held them, would not do for more than fits in memory."""
    written: list[int] = []
    folder = tmp_path / "p"

    def people():
        for number in range(5):
            written.append(sum(f.stat().st_size for f in tmp_path.rglob("shard-*.bin")))
            yield _dog(number)

    write_pack(folder, {"val": people()})
    assert written == [0, 100, 200, 300, 400]
    samples = read_pack(folder, "val")
    assert all(isinstance(sample.image, FileSlice) for sample in samples)
    (folder / "shard-0000.bin").unlink()
    with pytest.raises(DatasetError, match=r"csv/ü0: cannot read .*shard-0000\.bin, 100 bytes from 0: No such file"):
        samples[0].load_image()


def test_the_same_people_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_pack(tmp_path / name, {"train": [_dog(i) for i in range(4)]}, shard_bytes=150)
    files = [{f.name: f.read_bytes() for f in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert files[0] == files[1]


@pytest.mark.parametrize("name", ["shard-0000.bin", "shard-0001.bin", "labels.npz"])
def test_damage_is_found(tmp_path: Path, name: str) -> None:
    write_pack(tmp_path / "p", {"train": [_dog(i) for i in range(2)]}, shard_bytes=150)
    file = tmp_path / "p" / name
    data = file.read_bytes()
    file.write_bytes(data[:50] + bytes([data[50] ^ 1]) + data[51:])
    with pytest.raises(DatasetError, match=rf"{name}: damaged: its SHA-256 .*: copy the pack again"):
        read_pack(tmp_path / "p", "train")
    file.write_bytes(data[:-1])
    with pytest.raises(DatasetError, match=rf"{name}: {len(data) - 1} bytes, the index says {len(data)}"):
        read_pack(tmp_path / "p", "train")
    file.unlink()
    with pytest.raises(DatasetError, match=rf"{name}: missing: copy the pack again"):
        read_pack(tmp_path / "p", "train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "x"}, "not the index of a pack"),
        ({"version": 2}, "not a pack of version 3: write it anew"),
        ({"skeleton": {"name": "dog"}}, "not a pack, or a damaged one"),
        ({"skeleton": COCO17.to_dict()}, "17 joints, but keypoints of shape"),
        ({"shards": None}, "not a pack, or a damaged one"),
        ({"labels": {}}, "not a pack, or a damaged one"),
        ({"shards": [{"bytes": "x"}]}, r"shard-0000\.bin: 100 bytes, the index says x"),
    ],
)
def test_a_changed_index_is_refused(tmp_path: Path, change: dict, message: str) -> None:
    write_pack(tmp_path / "p", {"train": [_dog(1)]})
    index = tmp_path / "p" / "index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | change))
    with pytest.raises(DatasetError, match=message):
        read_pack(tmp_path / "p", "train")


def test_what_is_no_pack_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", version=1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "index.json").write_text("hello")
    for name, message in (
        ("old.npz", "single .npz file are of an older version: write it anew with 'leanpose data pack'"),
        ("empty", r"empty: not a pack: it has no index\.json"),
        ("text", "not JSON"),
        ("no", "not a pack"),
    ):
        with pytest.raises(DatasetError, match=message):
            read_pack(tmp_path / name, "train")


def test_what_makes_no_pack_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    coco = Sample("coco", "c", b"1", np.zeros((17, 2)), np.ones(17, bool), np.array([0.0, 0, 1, 1]), COCO17)
    path = Sample("csv", "csv/a", tmp_path / "a.jpg", np.zeros((2, 2)), np.ones(2, bool), np.zeros(4), DOG)
    for samples, message in (
        ([_dog(1), coco], "people of one skeleton, got coco17, dog"),
        ([], "got nobody"),
        ([_dog(1), path], "takes encoded crops; the image of csv/a is none"),
    ):
        with pytest.raises(DatasetError, match=message):
            write_pack(tmp_path / "p", {"train": samples})
        assert list(tmp_path.iterdir()) == []


def test_a_pack_is_replaced_only_if_asked_for(tmp_path: Path) -> None:
    write_pack(tmp_path / "p", {"train": [_dog(1), _dog(2)]}, shard_bytes=100)
    with pytest.raises(DatasetError, match="not empty: choose another folder, or --overwrite"):
        write_pack(tmp_path / "p", {"train": [_dog(3)]})
    assert len(read_pack(tmp_path / "p", "train")) == 2
    write_pack(tmp_path / "p", {"train": [_dog(3)]}, overwrite=True)
    assert [s.name for s in read_pack(tmp_path / "p", "train")] == ["csv/ü3"]
    assert sorted(f.name for f in (tmp_path / "p").iterdir()) == ["index.json", "labels.npz", "shard-0000.bin"]
