"""Conversions, held against files written and read here by hand: what passes through another format comes back."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.core.errors import DatasetError
from leanpose.datasets.conversion import convert, image_name
from leanpose.datasets.readers import Sample, read_samples
from leanpose.pose.skeleton import COCO17, LSP14, MPII16, Skeleton

from ..label_files import HEIGHT, JPEG, PARTS, READ, WIDTH, WRITE, Labels, write_coco

KEEP_HIDDEN = {"coco", "yolo", "csv", "lsp"}
KEEP_BOXES = {"coco", "yolo", "csv"}
PAIRS = [(a, b) for a in WRITE for b in WRITE if (a, b) != ("mpii", "lsp")]  # LSP has no pelvis and no thorax


def _people(seed: int, source: str, via: str) -> tuple[dict[str, list[Labels]], Skeleton]:
    """Random people in the numbers of the source format, inside the image, with up to six decimals."""
    rng = np.random.default_rng(seed)
    skeleton = LSP14 if "lsp" in (source, via) else MPII16 if "mpii" in (source, via) else COCO17
    complete = bool(rng.integers(2))
    decimals = int(rng.integers(0, 7))
    people: dict[str, list[Labels]] = {}
    for part in PARTS:
        people[part] = []
        for i in range(int(rng.integers(1, 5))):
            image = f"im{i + 1:04d}.jpg" if complete else f"im{i + 1:05d}.jpg"
            if source != "lsp":
                image = f"{part}{i}.jpg" if i % 2 else f"{part}/sub folder/ü{i // 3}.jpg"
            joints = rng.uniform((1, 1), (WIDTH - 2, HEIGHT - 2), (len(skeleton), 2))
            seen = rng.integers(1, 3, len(skeleton))
            if not complete:
                seen[rng.permutation(len(skeleton))[: rng.integers(1, len(skeleton) - 2)]] = 0
            first, size = rng.uniform(1, 60, 2), rng.uniform(10, 80, 2)
            if source == "yolo":  # fractions
                joints = (joints / (WIDTH, HEIGHT)).round(6)
                box = [*((first + size / 2) / (WIDTH, HEIGHT)).round(6), *(size / (WIDTH, HEIGHT)).round(6)]
            elif source == "mpii":  # centre and scale, in squares that lie in the image
                joints, box = joints.round(decimals), [*rng.uniform(50, 90, 2).round(decimals), rng.uniform(0.1, 0.4)]
                box[2] = round(box[2], 6)
            elif source == "csv":  # two corners
                joints, box = joints.round(decimals), [*first.round(decimals), *(first + size).round(decimals)]
            else:
                joints, box = joints.round(decimals), [*first.round(decimals), *size.round(decimals)]
            people[part].append(Labels(image, joints.tolist(), seen.tolist(), [float(v) for v in box]))
        people[part].sort(key=lambda p: p.image)
    return people, skeleton


@pytest.mark.parametrize(("source", "via"), PAIRS)
@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1))
def test_there_and_back_is_the_same(source: str, via: str, seed: int) -> None:
    """Every number of the label files, to the last digit, wherever both formats have it."""
    people, skeleton = _people(seed, source, via)
    with TemporaryDirectory() as folder:
        first, there, back = (Path(folder) / name for name in ("first", "there", "back"))
        first.mkdir()
        spec = WRITE[source](first, people, skeleton)
        out = convert([spec], via, there)
        assert not out.left_out
        assert convert([out.spec], source, back, skeleton=None if source in ("lsp", "mpii") else skeleton).people == {
            part: len(members) for part, members in people.items()
        }
        complete = all(all(p.seen) for members in people.values() for p in members)
        for part in PARTS:
            returned = list(READ[source](back, part))
            for before, after in zip(people[part], returned, strict=True):
                labelled = np.array(before.seen) > 0
                assert (np.array(after.seen) > 0).tolist() == labelled.tolist()
                assert np.array(after.joints)[labelled].tolist() == np.array(before.joints)[labelled].tolist()
                if {source, via} <= KEEP_HIDDEN and (complete or "lsp" not in (source, via)):
                    assert after.seen == before.seen
                if {source, via} <= KEEP_BOXES or (source == "mpii" and via in (*KEEP_BOXES, "mpii")):
                    assert after.box == before.box
                if "lsp" not in (source, via):
                    assert after.image == before.image


@pytest.fixture
def coco(tmp_path: Path) -> str:
    """Twelve people or fewer of COCO's joints in three parts."""
    people, skeleton = _people(7, "coco", "yolo")
    (tmp_path / "source").mkdir()
    return write_coco(tmp_path / "source", people, skeleton)


def test_what_is_held_out_stays_held_out(coco: str, tmp_path: Path) -> None:
    for to in ("coco", "yolo", "csv", "mpii", "lsp"):
        spec = convert([coco], to, tmp_path / to).spec
        assert {p: len(read_samples([spec], p)) for p in PARTS} == {p: len(read_samples([coco], p)) for p in PARTS}  # type: ignore[arg-type]


def test_one_part_alone(coco: str, tmp_path: Path) -> None:
    for to in ("coco", "yolo", "csv", "mpii"):
        report = convert([coco], to, tmp_path / to, parts=["val"])
        assert list(report.people) == ["val"]
        assert [len(read_samples([report.spec], p)) for p in ("train", "test")] == [0, 0]  # type: ignore[arg-type]
        assert len(read_samples([report.spec], "val")) == report.people["val"]


@pytest.mark.parametrize("to", list(WRITE))
def test_the_same_people_give_the_same_bytes(coco: str, tmp_path: Path, to: str) -> None:
    contents = []
    for name in ("a", "b"):
        convert([coco], to, tmp_path / name)
        files = sorted(file for file in (tmp_path / name).rglob("*") if file.is_file())
        contents.append([(file.relative_to(tmp_path / name), file.read_bytes()) for file in files])
    assert contents[0] == contents[1]


def test_losses_are_counted(tmp_path: Path) -> None:
    """Two people, counted by hand: a crowd and a person without joints are no samples; YOLO has no ids and areas."""
    (tmp_path / "coco").mkdir()
    labels = Labels("a.jpg", [[50.0 + k, 60.0] for k in range(17)], [2] * 16 + [1], [150.0, 10, 100, 90])
    other = Labels("b.jpg", [[50.0 + k, 61.0] for k in range(17)], [2] * 17, [10.0, 10, 100, 90])
    outside = [[250.0, 60.0], *other.joints[1:]]
    spec = write_coco(tmp_path / "coco", {"train": [labels, Labels("b.jpg", outside, *[other.seen, other.box])],
                                           "val": [], "test": []}, COCO17)  # fmt: skip
    file = tmp_path / "coco" / "annotations" / "train.json"
    document = json.loads(file.read_text())
    bare = document["annotations"][0] | {"keypoints": [0] * 51, "num_keypoints": 0}
    document["annotations"] += [bare | {"id": 10, "iscrowd": 1}, bare | {"id": 11}, bare | {"id": 12}]
    document["images"].append({"id": 9, "file_name": "nobody.jpg", "width": 9, "height": 9})
    file.write_text(json.dumps(document))
    lost = convert([spec], "yolo", tmp_path / "yolo").lost
    assert lost == {
        "crowds": 1,
        "people without labelled joints": 2,
        "images without a labelled person": 1,
        "areas": 2,
        "ids of images and people": 2,
        "joints outside the image": 1,
    }
    lost = convert([spec], "mpii", tmp_path / "mpii").lost
    assert lost["which joints are hidden"] == 1
    assert lost["joints that mpii16 does not have: nose"] == 2
    assert lost["joints put in the middle of two others"] == 4  # pelvis and thorax of each
    assert lost["boxes that are no squares: the square about them is kept"] == 2
    assert json.loads((tmp_path / "mpii" / "conversion.json").read_text())["lost"] == lost


def test_other_tools_read_it(coco: str, tmp_path: Path) -> None:
    """pycocotools, PyYAML and SciPy; the COCO file evaluates to a perfect score against itself."""
    import yaml
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    convert([coco], "coco", tmp_path / "c")
    truth = COCO(str(tmp_path / "c" / "annotations" / "train.json"))
    entries = truth.dataset["annotations"]
    assert len(truth.getAnnIds()) == len(read_samples([coco], "train"))
    run = COCOeval(truth, truth.loadRes([entry | {"score": 1.0} for entry in entries]), "keypoints")
    run.evaluate()
    run.accumulate()
    run.summarize()
    assert run.stats[0] == pytest.approx(1)
    convert([coco], "yolo", tmp_path / "y")
    data = yaml.safe_load((tmp_path / "y" / "data.yaml").read_text())
    assert data["kpt_shape"] == [17, 3]
    assert data["flip_idx"] == [
        0,
        2,
        1,
        4,
        3,
        6,
        5,
        8,
        7,
        10,
        9,
        12,
        11,
        14,
        13,
        16,
        15,
    ]  # as Ultralytics' coco-pose.yaml
    assert data["names"] == ["person"]
    assert data["kpt_names"] == {0: list(COCO17.joints)}


def test_images_are_copied_linked_or_left(coco: str, tmp_path: Path) -> None:
    source = next(Path(coco.partition(":")[2]).rglob("train1.jpg"))
    for mode in ("copy", "link", "none"):
        report = convert([coco], "csv", tmp_path / mode, images=mode)  # type: ignore[arg-type]
        image = tmp_path / mode / "images" / "train1.jpg"
        assert image.exists() == (mode != "none")
        assert image.is_symlink() == (mode == "link")
        if mode == "none":
            spec = f"csv:{tmp_path / mode},images={source.parent}"
            assert len(read_samples([spec], "train")) == report.people["train"]
        else:
            assert image.read_bytes() == source.read_bytes()


def test_what_lsp_cannot_hold_as_jpeg_is_encoded_anew(tmp_path: Path) -> None:
    picture = np.full((HEIGHT, WIDTH, 3), (20, 120, 220), np.uint8)
    (tmp_path / "csv" / "images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "csv" / "images" / "a.png"), picture)
    header = ",".join(f"{joint}_{v}" for joint in LSP14.joints for v in "xy")
    cells = ",".join(f"{20 + 3 * k},{30 + k}" for k in range(14))
    (tmp_path / "csv" / "labels.csv").write_text(f"file,part,{header}\na.png,train,{cells}\n")
    report = convert([f"csv:{tmp_path / 'csv'}"], "lsp", tmp_path / "lsp")
    assert report.lost["images encoded anew as JPEG"] == 1
    data = (tmp_path / "lsp" / "train" / "images" / "im0001.jpg").read_bytes()
    assert data[:2] == b"\xff\xd8"
    assert np.abs(cv2.imdecode(np.frombuffer(data, np.uint8), 1).astype(int) - picture).max() <= 3


def test_images_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Two datasets with an a.jpg each, and an a.png, which YOLO's label files could not tell from a.jpg."""
    specs = []
    for name, shade, files in (("one", 40, ("a.jpg", "a.png")), ("two", 200, ("A.jpg",))):
        (tmp_path / name).mkdir()
        rows = []
        for i, file in enumerate(files):
            cv2.imwrite(str(tmp_path / name / file), np.full((HEIGHT, WIDTH, 3), shade + 20 * i, np.uint8))
            rows.append(f"{file},train,{10 + i},10,50,60")
        (tmp_path / name / "l.csv").write_text("file,part,left_a_x,left_a_y,right_a_x,right_a_y\n" + "\n".join(rows))
        specs.append(f"csv:{tmp_path / name}")
    report = convert(specs, "yolo", tmp_path / "yolo")
    assert report.images == 3
    shades = {s.image.name: round(float(s.load_image().mean())) for s in read_samples([report.spec], "train")}  # type: ignore[union-attr]
    assert shades == {"a.jpg": 40, "a_2.png": 60, "A_3.jpg": 200}


def test_own_skeletons_travel(tmp_path: Path) -> None:
    dog = Skeleton(
        "dog", ("nose", "left_ear", "right_ear", "tail"), (("nose", "tail"),), (0.1, 0.2, 0.2, 0.3), ("nose", "tail")
    )
    (tmp_path / "dog.json").write_text(json.dumps(dog.to_dict()))
    (tmp_path / "dogs").mkdir()
    (tmp_path / "dogs" / "a.jpg").write_bytes(JPEG)
    header = ",".join(f"{joint}_{v}" for joint in dog.joints for v in "xy")
    (tmp_path / "dogs" / "l.csv").write_text(f"file,part,{header}\na.jpg,val,10,20,30,40,50,60,70,80\n")
    spec = f"csv:{tmp_path / 'dogs'},skeleton={tmp_path / 'dog.json'}"
    for to in ("coco", "yolo", "csv"):
        report = convert([spec], to, tmp_path / to)
        (sample,) = read_samples([report.spec], "val")
        assert sample.skeleton == dog


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("lsp/im0001.jpg", "/d/images/im0001.jpg", "im0001.jpg"),
        ("coco/a/b#c.jpg#12", "/d/train2017/a/b#c.jpg", "a/b#c.jpg"),
        ("yolo/images/train/x/a.jpg#3", "/d/images/train/x/a.jpg", "x/a.jpg"),
        ("yolo/images/a.jpg#3", "/d/images/a.jpg", "a.jpg"),
        ("csv/../../a.jpg#3", "/d/../../a.jpg", "a.jpg"),
        ("other name", "/d/ a .jpg", "a .jpg"),
    ],
)
def test_names_of_images_are_relative_and_safe(name: str, image: str, expected: str) -> None:
    sample = Sample(name.partition("/")[0], name, Path(image), np.zeros((14, 2)), np.ones(14, bool), np.zeros(4), LSP14)
    assert image_name(sample) == expected


def test_a_folder_in_use_is_not_touched(coco: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert([coco], "csv", out)
    with pytest.raises(DatasetError, match="not empty: choose another folder, or --overwrite"):
        convert([coco], "yolo", out)
    convert([coco], "yolo", out, overwrite=True)
    assert not (out / "labels.csv").exists()
    with pytest.raises(DatasetError, match=r"lies in .* which is to be replaced"):
        convert([f"yolo:{out}"], "csv", out, overwrite=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").write_bytes(JPEG)
    with pytest.raises(DatasetError, match="holds other files"):
        convert([coco], "yolo", tmp_path / "mine", overwrite=True)
    assert [f.name for f in (tmp_path / "mine").iterdir()] == ["photo.jpg"]
    assert sorted(f.name for f in tmp_path.iterdir()) == ["mine", "out", "source"]


def test_what_cannot_be_converted_is_said(coco: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="lsp has the joints of lsp14"):
        convert([coco], "lsp", tmp_path / "out", skeleton=COCO17)
    with pytest.raises(DatasetError, match="unknown format 'xml': use one of coco"):
        convert([coco], "xml", tmp_path / "out")
    for image in Path(coco.partition(":")[2]).rglob("*.jpg"):
        image.write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"nobody to convert is in the parts train, val, test of .*: \d+ left out\n"):
        convert([coco], "yolo", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_crops_of_a_pack_become_files(coco: str, tmp_path: Path) -> None:
    """Each person an image of its own, whose joints stay where they are in the crop."""
    from leanpose.datasets.packing import pack_datasets

    pack_datasets([coco], tmp_path / "pack")
    spec = f"pack:{tmp_path / 'pack'}"
    report = convert([spec], "coco", tmp_path / "out")
    crops = read_samples([spec], "train")
    people = read_samples([report.spec], "train")
    assert report.images == sum(report.people.values())
    for crop, person in zip(crops, people, strict=True):
        assert person.image_bytes() == crop.image_bytes()
        assert person.keypoints[person.labelled] == pytest.approx(crop.keypoints[crop.labelled], abs=1e-9)


def test_the_command_says_what_is_lost_and_how_to_read_it(coco: str, tmp_path: Path) -> None:
    broken = next(Path(coco.partition(":")[2]).rglob("train1.jpg"))
    words = ["data", "convert", coco, "--out", str(tmp_path / "out"), "--to", "yolo"]
    result = CliRunner().invoke(app, [*words, "--part", "train"])
    assert result.exit_code == 0, result.output
    assert f"read it as --data yolo:{tmp_path / 'out'}" in result.output
    assert "lost: areas (" in result.output
    broken.write_bytes(b"no image")
    result = CliRunner().invoke(app, [*words, "--overwrite"])
    assert result.exit_code == 1
    assert "train1.jpg" in result.output
    assert "its people left out" in result.output
