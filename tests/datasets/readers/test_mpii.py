"""MPII readers: on small files in both forms with numbers worked out by hand, and on the real sample."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import read_samples
from leanpose.datasets.readers.mpii import read_mpii
from leanpose.datasets.readers.parts import PARTS, part_of

RELEASE = "mpii_human_pose_v1_u12_1.mat"
# Image names by the part that their checksums give.
NAMES = {part: [name for name in map("{:03d}.jpg".format, range(60)) if part_of(name) == part] for part in PARTS}


def _entry(image: str, /, **fields: Any) -> dict[str, Any]:
    joints = [[100.0 + k, 50.0 + 2 * k] for k in range(16)]
    return {"image": image, "joints": joints, "joints_vis": [1] * 16, "center": [120, 90], "scale": 0.5} | fields


def _folder(root: Path, names: list[str], **files: list[dict[str, Any]]) -> Path:
    (root / "annot").mkdir(parents=True)
    (root / "images").mkdir()
    for name in names:
        (root / "images" / name).touch()
    for stem, entries in files.items():
        (root / "annot" / f"{stem}.json").write_text(json.dumps(entries))
    return root


def _structs(entries: list[dict[str, Any]]) -> np.ndarray:
    """A MATLAB structure array: every field of any entry in all of them, empty where an entry lacks it."""
    fields = sorted({field for entry in entries for field in entry})
    array = np.empty(len(entries), dtype=[(field, object) for field in fields])
    for i, entry in enumerate(entries):
        for field in fields:
            array[field][i] = entry.get(field, np.zeros((0, 0)))
    return array


def _rect(points: list[tuple[float, float, int, Any]] | None, **fields: Any) -> dict[str, Any]:
    head = {"x1": 10, "y1": 20, "x2": 40, "y2": 60}
    if points is None:
        return head | fields
    joints = _structs([{"x": x, "y": y, "id": id_, "is_visible": seen} for x, y, id_, seen in points])
    return head | {"annopoints": {"point": joints}, "scale": 2.0, "objpos": {"x": 301, "y": 201}} | fields


def _release(root: Path, images: dict[str, list[dict[str, Any]]], train: list[int], single: list[list[int]]) -> Path:
    annolist = _structs(
        [{"image": {"name": name}, "annorect": _structs(rects) if rects else np.zeros((0, 0))}
         for name, rects in images.items()]
    )  # fmt: skip
    cells = np.empty((len(images), 1), dtype=object)
    cells[:, 0] = [np.array(numbers, dtype=float).reshape(-1, 1) for numbers in single]
    savemat(root / RELEASE, {"RELEASE": {"annolist": annolist, "img_train": np.array(train), "single_person": cells}})
    return root


def test_a_person_of_the_json_form(tmp_path: Path) -> None:
    name = NAMES["train"][0]
    hidden = _entry(name, joints_vis=[0, *[1] * 15])
    root = _folder(tmp_path / "mpii", [name], train=[hidden], valid=[])
    (sample,) = read_mpii(root, "train")
    assert (sample.name, sample.image_id, sample.person_id) == (f"mpii/{name}#0", name, 0)
    assert sample.image == root / "images" / name
    assert sample.keypoints[3].tolist() == [102, 55]  # less MATLAB's 1
    assert sample.labelled.tolist() == [False, *[True] * 15]
    # side 200 * 0.5 about (120 - 1, 90 + 15 * 0.5 - 1)
    assert sample.box.tolist() == [69, 46.5, 169, 146.5]
    assert sample.head_size is None
    assert sample.occluded is None
    assert sample.skeleton.joints[6:10] == ("pelvis", "thorax", "neck", "head_top")


def test_the_benchmark_validates_on_valid_json(tmp_path: Path) -> None:
    names = [*NAMES["train"][:4], *NAMES["val"][:2], *NAMES["test"][:3]]
    root = _folder(
        tmp_path, names, train=[_entry(n) for n in names], valid=[_entry(n) for n in (NAMES["val"][0], names[0])]
    )
    found = {part: [sample.image_id for sample in read_mpii(root, part)] for part in PARTS}
    assert (
        found
        == {
            "train": [*NAMES["train"][:4], *NAMES["test"][:3]],  # nobody of the training file is tested on
            "val": NAMES["val"][:2],
            "test": [NAMES["val"][0], names[0]],
        }
    )
    assert [s.image_id for s in read_mpii(root / "annot" / "valid.json", "test")] == found["test"]
    assert read_mpii(root / "annot" / "valid.json", "train") == []
    assert len(read_mpii(root / "annot" / "train.json", "test", whole="test")) == 9
    assert [s.image_id for s in read_samples([f"mpii:{root}"], "val")] == found["val"]


def test_head_sizes_come_from_hrnets_ground_truth(tmp_path: Path) -> None:
    names = NAMES["train"][:2]
    root = _folder(tmp_path, names, train=[_entry(names[0])], valid=[_entry(name) for name in names])
    corners = np.zeros((2, 2, 2))
    corners[:, :, 0], corners[:, :, 1] = [[10, 10], [13, 14]], [[0, 5], [6, 13]]
    savemat(root / "annot" / "gt_valid.mat", {"headboxes_src": corners})
    assert [sample.head_size for sample in read_mpii(root, "test")] == pytest.approx([3, 6])  # 0.6 * 5 and 0.6 * 10
    assert read_mpii(root, "train")[0].head_size is None
    other = root / "annot" / "other.json"
    other.write_text(json.dumps([_entry(names[0])]))
    with pytest.raises(DatasetError, match="1 people, but the head boxes are of 2"):
        read_mpii(other, "train", heads=str(root / "annot" / "gt_valid.mat"))
    savemat(root / "annot" / "gt_valid.mat", {"headboxes_src": np.zeros((2, 3))})
    with pytest.raises(DatasetError, match="2x2xN"):
        read_mpii(root, "test")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"joints": [[1.0, 2.0]] * 15}, "joints must be 16 pairs"),
        ({"joints": [[1.0, float("nan")]] * 16}, "joints must be 16 pairs"),
        ({"joints_vis": [1] * 15}, "joints_vis must be 16"),
        ({"joints_vis": [2] * 16}, "joints_vis must be 16"),
        ({"scale": 0}, "scale a positive one"),
        ({"scale": -1.5}, "scale a positive one"),
        ({"scale": 1e308}, "no box"),
        ({"scale": 1e-300}, "no box"),
        ({"center": [float("inf"), 3]}, "center must be two finite"),
        ({"center": [-1.0, -1.0]}, r"no center \(-1\)"),
        ({"image": "../secret.jpg"}, r"'\.\./secret\.jpg' is no path below"),
        ({"image": "/etc/passwd"}, "'/etc/passwd' is no path below"),
        ({"image": None}, "None is no path below"),
        ({"image": "absent.jpg"}, "absent.jpg: the image is not in"),
        ({}, "has the joints of person 0"),
    ],
)
def test_people_that_make_no_sense_are_left_out(fields: dict[str, Any], message: str, tmp_path: Path) -> None:
    root = _folder(tmp_path, ["a.jpg"])
    file = root / "annot" / "own.json"
    file.write_text(json.dumps([_entry("a.jpg"), _entry("a.jpg", **fields)]))
    problems: list[str] = []
    assert [s.person_id for s in read_mpii(file, "train", whole="train", problems=problems)] == [0]
    (problem,) = problems
    assert problem.startswith(f"{file}: person 1")
    assert re.search(message, problem)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "must be a list of objects"),
        ("[3]", "must be a list of objects"),
        ("[", "not JSON"),
        ('[{"image": "a.jpg", "center": [1, 2], "scale": 1}]', r"nobody in it has joints, as in MPII's test\.json"),
    ],
)
def test_files_of_another_form_are_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(content)
    with pytest.raises(DatasetError, match=message) as caught:
        read_mpii(tmp_path / "own.json", "train")
    assert "own.json" in str(caught.value)


def test_folders_without_files_or_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no annot/train\.json"):
        read_mpii(tmp_path, "train")
    root = _folder(tmp_path, [], train=[_entry(NAMES["train"][0])])
    with pytest.raises(DatasetError, match=r"none of its images is in .*images=DIR"):
        read_mpii(root, "train")
    with pytest.raises(DatasetError, match=r"options of the released \.mat"):
        read_mpii(root, "train", split="valid_images.txt")


def test_the_released_form(tmp_path: Path) -> None:
    points = [(11.0, 21.0, 0, "1"), (31.0, 41.0, 15, 0), (51.5, 61.5, 9, np.zeros((0, 0)))]
    images = {
        "a.jpg": [_rect(None), _rect(points)],  # of the first only the head is marked
        "b.jpg": [_rect(points[:1])],  # one structure alone, one point alone
        "c.jpg": [],
        "d.jpg": [_rect(None)],  # of the test images
    }
    root = _release(tmp_path, images, [1, 1, 1, 0], [[2], [], [], []])
    for name in images:
        (root / name).touch()
    first, second = read_mpii(root, "train", whole="train")
    assert [first.name, second.name] == ["mpii/a.jpg#1/2", "mpii/b.jpg#2/1"]
    assert np.flatnonzero(first.labelled).tolist() == [0, 9, 15]
    assert first.keypoints[[0, 15, 9]].tolist() == [[10, 20], [30, 40], [50.5, 60.5]]
    assert first.occluded is not None
    assert np.flatnonzero(first.occluded).tolist() == [15]
    # side 200 * 2 about (301 - 1, 201 + 15 * 2 - 1)
    assert first.box.tolist() == [100, 30, 500, 430]
    assert first.head_size == pytest.approx(30)  # 0.6 * hypot(30, 40)
    assert [s.name for s in read_mpii(root, "train", whole="train", people="separate")] == ["mpii/a.jpg#1/2"]


def test_the_validation_list_divides_the_released_form(tmp_path: Path) -> None:
    points = [(11.0, 21.0, 0, 1)]
    names = [*NAMES["train"][:2], *NAMES["val"][:2], *NAMES["test"][:2]]
    root = _release(tmp_path, {name: [_rect(points)] for name in names}, [1] * 6, [[1]] * 6)
    for name in names:
        (root / name).touch()
    listed = [names[0], names[2]]
    (root / "valid_images.txt").write_text("".join(f"{name}\n" for name in [*listed, listed[0]]))
    (root / "list.json").write_text(json.dumps([{"image": name} for name in listed]))
    for split in ("valid_images.txt", "list.json"):
        found = {p: [s.image_id for s in read_mpii(root, p, split=str(root / split))] for p in PARTS}
        assert found == {"test": listed, "val": [names[3]], "train": [names[1], *names[4:]]}
    without = {part: [s.image_id for s in read_mpii(root / RELEASE, part)] for part in PARTS}
    assert without == {"train": names[:2], "val": names[2:4], "test": names[4:]}
    for content in ("nobody.jpg\n", ""):
        (root / "valid_images.txt").write_text(content)
        with pytest.raises(DatasetError, match=r"valid_images\.txt: .*one image name a line"):
            read_mpii(root, "test", split=str(root / "valid_images.txt"))


@pytest.mark.parametrize(
    ("rect", "message"),
    [
        (_rect([(1.0, 2.0, 16, 1)]), "id must be a number from 0 to 15"),
        (_rect([(1.0, 2.0, 3, 1), (1.0, 2.0, 3, 1)]), "each once, not 3"),
        (_rect([(np.nan, 2.0, 3, 1)]), "x nan is no finite number"),
        (_rect([(np.zeros((0, 0)), 2.0, 3, 1)]), "joint 3 has no position"),  # type: ignore[list-item]
        (_rect([(1.0, 2.0, 3, 1)], scale=np.zeros((0, 0))), "no objpos or no positive scale"),
        (_rect([(1.0, 2.0, 3, 1)], scale=-2), "no objpos or no positive scale"),
        (_rect([(1.0, 2.0, 3, 1)], objpos="none"), "no objpos or no positive scale"),
        (_rect([(1.0, 2.0, 3, 1)], x2=10, y2=20), "head box has no size"),
        (_rect([(1.0, 2.0, 3, 1)], x2=[1, 2]), "is no finite number"),
    ],
)
def test_released_people_that_make_no_sense(rect: dict[str, Any], message: str, tmp_path: Path) -> None:
    root = _release(tmp_path, {"a.jpg": [_rect([(1.0, 2.0, 0, 1)]), rect]}, [1], [[1]])
    (root / "a.jpg").touch()
    problems: list[str] = []
    assert len(read_mpii(root, "train", whole="train", problems=problems)) == 1
    assert len(problems) == 1
    assert problems[0].startswith(f"{root / RELEASE}: person 1/2 of a.jpg: ")
    assert message in problems[0]


def test_wrong_released_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / RELEASE
    for content, message in (
        ({"other": 3}, "not a MATLAB file with an array 'RELEASE'"),
        ({"RELEASE": 3}, "annolist, img_train and single_person"),
        ({"RELEASE": {"annolist": _structs([{"image": {"name": "a.jpg"}}]), "img_train": [1, 1]}}, "of equal length"),
    ):
        savemat(file, content)
        with pytest.raises(DatasetError, match=message):
            read_mpii(tmp_path, "train")
    for options in ({"people": "some"}, {"whole": "all"}, {"heads": "gt_valid.mat"}):
        _release(tmp_path, {"a.jpg": [_rect([(1.0, 2.0, 0, 1)])]}, [1], [[1]])
        with pytest.raises(DatasetError, match=next(iter(options.values()))):
            read_mpii(tmp_path, "train", **options)


def test_the_real_sample(data_root: Path) -> None:
    file = data_root / "mpii_sample" / "test_mpii.json"
    problems: list[str] = []
    samples = read_mpii(file, "test", whole="test", problems=problems)
    assert (len(samples), problems) == (5, [])
    for sample, entry in zip(samples, json.loads(file.read_text()), strict=True):
        height, width = sample.load_image().shape[:2]
        shown = sample.keypoints[sample.labelled]
        assert (shown >= 0).all()
        assert (shown <= (width - 1, height - 1)).all()
        assert (shown >= sample.box[:2]).all()  # the whole person is in the crop
        assert (shown <= sample.box[2:]).all()
        assert np.isclose(np.ptp(sample.box[::2]), 200 * entry["scale"])
        right, left = sample.keypoints[sample.skeleton.index("right_hip")], sample.keypoints[3]
        pelvis = sample.keypoints[sample.skeleton.index("pelvis")]
        assert np.linalg.norm(pelvis - (right + left) / 2) < 0.06 * np.ptp(sample.box[::2])


def _mutated(data: st.DataObject, value: Any) -> Any:
    """The value with one thing in it replaced."""
    junk = (
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers()
        | st.text(max_size=3)
        | st.lists(st.integers(), max_size=2)
    )
    if isinstance(value, (list, dict)) and value and data.draw(st.integers(0, 4)):
        key = data.draw(st.sampled_from(range(len(value)) if isinstance(value, list) else sorted(value)))
        changed = value.copy()
        changed[key] = _mutated(data, value[key])
        return changed
    return data.draw(junk)


@given(data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_gives_samples_problems_or_a_typed_error(tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / "a.jpg").touch()
    file = tmp_path / "own.json"
    entries = [_entry("a.jpg"), _entry("a.jpg", center=[3, 4], joints_vis=[0] * 16), _entry("a.jpg", scale=2)]
    file.write_text(json.dumps(_mutated(data, entries)))
    problems: list[str] = []
    try:
        samples = read_mpii(file, "train", whole="train", problems=problems)
    except DatasetError as error:
        problems.append(str(error))
        samples = []
    assert all("own.json" in problem for problem in problems)
    for sample in samples:
        assert np.isfinite(sample.box).all()
        assert np.isfinite(sample.keypoints).all()
        assert sample.labelled.any()


JUNK = [3, -1, 0.5, np.nan, np.inf, "", "x", "7", [], [1, 2], [[1, 2], [3, 4]], {"x": 1}, [{"id": 2}], 1e308]


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_release_gives_samples_problems_or_a_typed_error(tmp_path: Path, data: st.DataObject) -> None:
    """Wrong content only: of damaged bytes, SciPy's reader survives truncation but not every flip."""

    def maybe(value: Any) -> Any:
        return data.draw(st.sampled_from(JUNK)) if data.draw(st.integers(0, 15)) == 0 else value

    points = [{"x": maybe(1.0), "y": maybe(2.0), "id": maybe(k), "is_visible": maybe(1)} for k in range(2)]
    rect = {side: maybe(k) for k, side in enumerate(("x1", "y1", "x2", "y2"))}
    rect |= {"annopoints": maybe({"point": maybe(_structs(points))}), "scale": maybe(2.0)}
    rect |= {"objpos": maybe({"x": maybe(3), "y": maybe(4)})}
    annorect = maybe(_structs([rect, {"x1": 5}]))
    images = [{"image": maybe({"name": maybe("a.jpg")}), "annorect": maybe(annorect)} for _ in range(2)]
    release = {"annolist": maybe(_structs(images)), "img_train": maybe([1, 1]), "single_person": maybe([1, 2])}
    savemat(tmp_path / "own.mat", {"RELEASE": maybe(release)})
    (tmp_path / "a.jpg").touch()
    problems: list[str] = []
    try:
        people = data.draw(st.sampled_from(["all", "separate"]))
        samples = read_mpii(tmp_path / "own.mat", "train", whole="train", people=people, problems=problems)
    except DatasetError as error:
        problems.append(str(error))
        samples = []
    assert all("own.mat" in problem for problem in problems)
    for sample in samples:
        assert np.isfinite(sample.box).all()
        assert np.isfinite(sample.keypoints).all()
        assert sample.labelled.any()


def test_a_truncated_release_is_refused(tmp_path: Path) -> None:
    _release(tmp_path, {"a.jpg": [_rect([(1.0, 2.0, 0, 1)])]}, [1], [[1]])
    content = (tmp_path / RELEASE).read_bytes()
    for length in range(0, len(content) - 8, 97):
        (tmp_path / "cut.mat").write_bytes(content[:length])
        with pytest.raises(DatasetError, match="not a MATLAB file"):
            read_mpii(tmp_path / "cut.mat", "train")
