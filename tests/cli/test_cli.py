"""The command: what it writes, what it refuses, and that it needs no torch."""

import csv
import json
import os
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from leanpose import __version__
from leanpose.cli import EXTRAS, app
from leanpose.media import load_image, save_image

CENTRE = (50.3, 60.6)
ON = ["--box", "20,20,80,110"]


@pytest.fixture
def photo(tmp_path, dots):
    path = tmp_path / "photo.png"
    save_image(path, dots(130, 100, [CENTRE] * 3))
    return path


@pytest.fixture
def run(tmp_path, dot_model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = str(dot_model())
    runner = CliRunner()

    def call(*arguments):
        defaults = ["--model", model, "--engine", "onnxruntime", "--out", "out"]
        return runner.invoke(app, ["predict", *map(str, arguments), *defaults])

    return call


def test_predict_writes_json(run, photo, tmp_path):
    result = run(photo, *ON)
    assert result.exit_code == 0, result.output
    assert "engine onnxruntime f32" in result.stdout
    assert "poses.json: images 1, people 1" in result.stdout
    written = json.loads((tmp_path / "out" / "poses.json").read_text())["images"]
    assert [image["source"] for image in written] == [str(photo)]
    assert (written[0]["height"], written[0]["width"]) == (130, 100)
    (person,) = written[0]["people"]
    assert person["box"] == [20, 20, 80, 110]
    np.testing.assert_allclose([point[:2] for point in person["keypoints"]], [CENTRE] * 3, atol=0.15)


@pytest.mark.parametrize("format", ["json", "coco", "openpose", "csv"])
def test_predict_writes_the_joints_of_a_skeleton(run, photo, tmp_path, format):
    (tmp_path / "two.toml").write_text('joints = ["head_top", "nose"]\nflips = []\n')
    result = run(photo, *ON, "--skeleton", "two.toml", "--format", format, "--draw", "--mode", "throughput")
    assert result.exit_code == 0, result.output
    assert "skeleton two" in result.stdout
    out = tmp_path / "out"
    if format == "json":
        assert json.loads((out / "poses.json").read_text())["skeleton"]["joints"] == ["head_top", "nose"]
    elif format == "coco":
        (person,) = json.loads((out / "poses.coco.json").read_text())
        np.testing.assert_allclose(np.reshape(person["keypoints"], (2, 3))[:, :2], [CENTRE] * 2, atol=0.15)
    elif format == "openpose":
        (person,) = json.loads((out / "poses_openpose" / "photo_keypoints.json").read_text())["people"]
        assert len(person["pose_keypoints_2d"]) == 6
    else:
        with (out / "poses.csv").open() as file:
            assert [row["joint"] for row in csv.DictReader(file)] == ["head_top", "nose"]


def test_a_skeleton_that_the_model_does_not_have_is_refused_before_any_work(run, photo, tmp_path):
    for name, fault in (("coco17", "dots does not have its left_eye, right_eye, "), ("coco18", "unknown skeleton")):
        result = run(photo, *ON, "--skeleton", name)
        assert result.exit_code == 2
        assert fault in result.stderr
    assert not (tmp_path / "out").exists()


def test_deterministic_reaches_the_engines(run, photo, monkeypatch):
    asked = []
    monkeypatch.setattr("leanpose.engines._load", lambda path, engine, settings: asked.append(settings))
    run(photo, "--deterministic")
    run(photo, *ON, "--deterministic", "--mode", "throughput")
    assert [settings.deterministic for settings in asked] == [True] * len(asked)
    assert asked[-1].mode == "throughput"


def test_small_people_of_a_large_image_are_found_in_tiles(run, tmp_path):
    from ..blobs import blob_detector  # of what it sees at 128 pixels; a dot of 40 in 3,000 is less than two

    image = np.zeros((1200, 3000, 3), np.uint8)
    image[500:540, 2400:2440] = 255
    image[800:830, 300:330] = 255
    save_image(tmp_path / "large.png", image)
    finder = ("--detector", blob_detector(tmp_path / "blobs.onnx", input_side=64))
    found = {}
    for tiles in ("off", "auto", "8"):
        assert run("large.png", *finder, "--tiles", tiles).exit_code == 0
        (written,) = json.loads((tmp_path / "out" / "poses.json").read_text())["images"]
        found[tiles] = len(written["people"])
    assert found["off"] < found["8"]
    for wrong, fault in (("0", "tiles must be"), ("many", "tiles must be")):
        result = run("large.png", "--tiles", wrong)
        assert result.exit_code == 2
        assert fault in result.stderr
    result = run("large.png", *ON, "--tiles", "3")
    assert result.exit_code == 2
    assert "no detector runs" in result.stderr


def test_several_boxes_as_csv(run, photo, tmp_path):
    result = run(photo, *ON, "--box", "-5,10,90,120", "--format", "csv", "--flip-test")
    assert result.exit_code == 0
    assert "flip test on" in result.stdout
    rows = list(csv.DictReader((tmp_path / "out" / "poses.csv").open()))
    assert [row["joint"] for row in rows] == ["nose", "neck", "head_top"] * 2
    np.testing.assert_allclose([(float(r["x"]), float(r["y"])) for r in rows], [CENTRE] * 6, atol=0.2)


def test_box_file_over_a_folder_as_coco(run, photo, dots, tmp_path):
    folder = tmp_path / "photos"
    for name in ("000000000007.png", "8.png"):
        save_image(folder / name, dots(130, 100, [CENTRE] * 3))
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("file,x1,y1,x2,y2,score\n000000000007.png,20,20,80,110,0.5\n")
    result = run(folder, "--boxes", boxes, "--format", "coco")
    assert result.exit_code == 0
    assert "1 of 2 images have no box" in result.stderr
    (person,) = json.loads((tmp_path / "out" / "poses.coco.json").read_text())
    assert (person["image_id"], person["category_id"], person["bbox"]) == (7, 1, [20.5, 20.5, 60, 90])


def test_drawings_of_images_of_one_name(run, photo, dots, tmp_path):
    for folder in ("a", "b"):
        save_image(tmp_path / folder / "1.png", dots(130, 100, [CENTRE] * 3))
    assert run("a", "b", "--whole-image", "--draw").exit_code == 0
    for name in ("1_poses.png", "1_poses_2.png"):
        drawn = load_image(tmp_path / "out" / name)
        assert drawn.shape == (130, 100, 3)
        assert (drawn != load_image(tmp_path / "a" / "1.png")).any()


@pytest.mark.parametrize(
    "where", [[*ON, "--whole-image"], ["--whole-image", "--boxes", "boxes.csv"], [*ON, "--boxes", "boxes.csv"]]
)
def test_at_most_one_way_to_say_where_people_are(run, photo, tmp_path, where):
    result = run(photo, *where)
    assert result.exit_code == 2
    assert "--whole-image" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["photo.png", "--box", "1,2,3"], "four numbers"),
        (["photo.png", "--box", "200,200,300,300"], "outside the image"),
        (["nowhere.png", "--whole-image"], "nowhere.png"),
        (["text.jpg", "--whole-image"], "text.jpg"),
        (["photo.png", "--boxes", "others.csv"], r"no box for photo.png: it names 'other.png'"),
        (["photo.png", "photo2.png", *ON], "--box is for one image"),
    ],
)
def test_refusals_are_one_line(run, photo, tmp_path, arguments, fault):
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "photo2.png").write_bytes(photo.read_bytes())
    (tmp_path / "others.csv").write_text("file,x1,y1,x2,y2\nother.png,1,2,30,40\n")
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert fault in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_broken_files_among_others_are_skipped_and_counted(run, photo, tmp_path):
    (tmp_path / "broken.png").write_bytes(photo.read_bytes()[:100])
    (tmp_path / "empty.jpg").write_bytes(b"")
    result = run(".", "--whole-image")
    assert result.exit_code == 1
    assert "skipped 2 of 3 images" in result.stderr
    assert "broken.png" in result.stderr
    assert [i["source"] for i in json.loads((tmp_path / "out" / "poses.json").read_text())["images"]] == ["photo.png"]


def test_nothing_is_written_when_every_file_is_broken(run, tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"\x89PNG")
    result = run("a.png", "b.png", "--whole-image")
    assert result.exit_code == 1
    assert "skipped 2 of 2" in result.stderr
    assert not (tmp_path / "out").exists()


def test_traceback_on_request(photo, monkeypatch):
    runner = CliRunner()
    for arguments, environment in ((["--traceback"], {}), ([], {"LEANPOSE_DEBUG": "1"})):
        result = runner.invoke(app, [*arguments, "predict", str(photo), *ON, "--whole-image"], env=environment)
        assert type(result.exception).__name__ == "BoxError"


def test_unknown_model(photo):
    result = CliRunner().invoke(app, ["predict", str(photo), *ON, "--model", "enormous"])
    assert result.exit_code == 2
    assert "unknown model 'enormous'" in result.stderr


def test_models_and_info(dot_model, monkeypatch):
    from leanpose.engines import zoo

    monkeypatch.setattr(zoo, "FOLDER", dot_model().parent)
    models, info, version = (CliRunner().invoke(app, [c]) for c in ("models", "info", "--version"))
    assert "dots" in models.stdout
    for text in (__version__, "onnxruntime", "cores", "dots", str(zoo.FOLDER)):
        assert text in info.stdout
    assert version.stdout.strip() == __version__


def test_missing_packages_name_their_extra(monkeypatch):
    def needs_torch():
        monkeypatch.setitem(sys.modules, "torch", None)
        import torch  # noqa: F401

    def is_broken():
        import leanpose.no_such_module  # noqa: F401  # pyright: ignore

    monkeypatch.setattr(app, "registered_commands", list(app.registered_commands))
    app.command()(needs_torch)
    app.command()(is_broken)
    result = CliRunner().invoke(app, ["needs-torch"])
    assert result.exit_code == 2
    assert "pip install 'leanpose[train]'" in result.stderr
    assert isinstance(CliRunner().invoke(app, ["is-broken"]).exception, ModuleNotFoundError)


def test_extras_are_those_of_the_project():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    base = {requirement.partition(">=")[0] for requirement in project["dependencies"]}
    modules = {  # imported under another name
        "pyyaml": "yaml", "faster-coco-eval": "faster_coco_eval", "python-multipart": "python_multipart",
        "prometheus-client": "prometheus_client",
    }  # fmt: skip
    listed = {
        modules.get(package := requirement.partition(">=")[0].partition("[")[0], package): extra
        for extra, requirements in project["optional-dependencies"].items()
        for requirement in requirements
        if extra != "dev" and requirement.partition(">=")[0] not in base and not requirement.startswith("leanpose")
    }
    assert listed == EXTRAS


@pytest.mark.skipif(find_spec("torch") is None, reason="without torch nothing can import it")
def test_prediction_imports_no_torch(photo, dot_model, tmp_path):
    code = (
        "import sys, leanpose\n"
        "assert not {'numpy', 'cv2'} & set(sys.modules), 'import leanpose is to cost nothing'\n"
        "from leanpose.cli import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "print(sorted({'torch', 'lightning', 'scipy', 'matplotlib', 'onnx'} & set(sys.modules)))\n"
    )
    arguments = ["predict", photo, *ON, "--model", dot_model(), "--out", tmp_path / "out", "--draw"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert (tmp_path / "out" / "poses.json").exists()
