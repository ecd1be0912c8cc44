"""The page for browsers as a folder: whole, with what its scripts ask for, and refused in words where it cannot be."""

import json
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import ExportError, ModelError
from leanpose.engines.zoo import find_detector, find_model
from leanpose.export import web, web_runtime
from leanpose.export.web import export_web
from leanpose.export.web_runtime import PAGE, find_runtime, pinned_version


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds stand-ins for ONNX Runtime's files, which are taken for the tested ones."""
    folder = tmp_path / "package" / "dist"
    folder.mkdir(parents=True)
    for name in web_runtime.FILES:
        (folder / name).write_bytes(name.encode())
        monkeypatch.setitem(web_runtime.FILES, name, sha256(name.encode()).hexdigest())
    return tmp_path


def test_page_has_everything_that_it_asks_for(runtime: Path, tmp_path: Path) -> None:
    page = export_web(tmp_path / "page", runtime=runtime)
    assert page.models == ("nano", "small", "medium")
    names = {path.relative_to(tmp_path / "page").as_posix() for path in (tmp_path / "page").rglob("*")}
    html = (tmp_path / "page" / "index.html").read_text()
    assert set(re.findall(r'(?:src|href)="([^"#][^"]*)"', html)) <= names
    for script in (tmp_path / "page").glob("*.js"):
        asked = re.findall(r'^(?:import|export) .*? from "\./([^"]+)"|new URL\("([^"]+\.js)"', script.read_text(), re.M)
        assert {name for pair in asked for name in pair if name} <= names, script.name
    assert {f"runtime/{name}" for name in web_runtime.FILES} <= names
    assert page.all_bytes == sum(p.stat().st_size for p in (tmp_path / "page").rglob("*") if p.is_file())
    assert page.page_bytes < 1e6  # what the base wheel carries


def test_every_id_that_the_scripts_look_for_is_in_the_page() -> None:
    html = (PAGE / "index.html").read_text()
    script = (PAGE / "page.js").read_text()
    wanted = set(re.findall(r'element\("([^"]+)"', script)) | set(
        re.findall(r'"([a-z]+)"', "".join(re.findall(r"= \[(.*?)\]\.map\(\(id\)", script)))
    )
    assert wanted
    assert wanted <= set(re.findall(r'id="([^"]+)"', html))
    labelled = set(re.findall(r'for="([^"]+)"', html))
    for control in re.findall(r"<(?:select|input)[^>]*>", html):
        known = re.search(r'id="([^"]+)"', control)
        assert known
        inside_label = re.search(r"<label[^>]*>\s*" + re.escape(control), html)
        assert known[1] in labelled or inside_label, control


def test_manifest_says_what_the_cards_say(runtime: Path, tmp_path: Path) -> None:
    export_web(tmp_path / "page", ["nano"], runtime=runtime)
    manifest = json.loads((tmp_path / "page" / "manifest.json").read_text())
    (model,) = manifest["models"]
    path, card = find_model("nano")
    assert (tmp_path / "page" / model["file"]).read_bytes() == path.read_bytes()
    assert model["card"]["input_hw"] == list(card.input_hw)
    assert model["card"]["skeleton"]["joints"] == list(card.skeleton.joints)
    assert model["card"]["oks_sigmas"] == list(card.skeleton.sigmas or ())
    assert card.calibration is not None
    assert model["card"]["calibration"]["curves"] == vars(card.calibration.curves)
    assert manifest["detector"]["card"]["threshold"] == find_detector("person")[1].threshold  # type: ignore[union-attr]
    skeletons = {skeleton["name"]: skeleton for skeleton in manifest["skeletons"]}
    assert {"body19", "coco17", "lsp14", "mpii16"} <= set(skeletons)
    assert "halpe26" not in skeletons  # with joints that no packaged model has
    pelvis = skeletons["mpii16"]["parts"][skeletons["mpii16"]["joints"].index("pelvis")]
    assert sorted(pelvis) == ["left_hip", "right_hip"]


def test_the_service_worker_knows_the_files_and_their_build(runtime: Path, tmp_path: Path) -> None:
    builds = []
    for name in ("nano", "small", "nano"):
        export_web(tmp_path / "page", [name], runtime=runtime, overwrite=True)
        worker = (tmp_path / "page" / "offline.js").read_text()
        build = re.search(r'const BUILD = "([0-9a-f]{16})"', worker)
        files = re.search(r"const FILES = .*\((\[.*\])\);", worker)
        assert build
        assert files
        there = {p.relative_to(tmp_path / "page").as_posix() for p in (tmp_path / "page").rglob("*") if p.is_file()}
        assert set(json.loads(files[1])) == there - {"offline.js", "_headers"}
        builds.append(build[1])
    assert builds[0] == builds[2] != builds[1]


def test_only_a_page_is_replaced(runtime: Path, tmp_path: Path) -> None:
    export_web(tmp_path / "page", ["nano"], runtime=runtime)
    with pytest.raises(ExportError, match="overwrite"):
        export_web(tmp_path / "page", ["nano"], runtime=runtime)
    assert export_web(tmp_path / "page", ["small"], runtime=runtime, overwrite=True).models == ("small",)
    assert not (tmp_path / "page" / "models" / "nano.onnx").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ExportError, match="other files"):
        export_web(tmp_path / "mine", ["nano"], runtime=runtime, overwrite=True)


def test_what_the_page_cannot_read_is_refused(runtime: Path, tmp_path: Path, dot_model) -> None:
    path = dot_model(decode="argmax")
    with pytest.raises(ExportError, match="taylor"):
        export_web(tmp_path / "page", [path], runtime=runtime)
    with pytest.raises(ExportError, match="onnx first"):
        export_web(tmp_path / "page", [tmp_path / "best.ckpt"], runtime=runtime)
    with pytest.raises(ExportError, match="pose models"):
        export_web(tmp_path / "page", ["person"], runtime=runtime)
    with pytest.raises(ExportError, match="name of its own"):
        export_web(tmp_path / "page", ["nano", "nano"], runtime=runtime)
    with pytest.raises(ModelError, match="unknown"):
        export_web(tmp_path / "page", ["huge"], runtime=runtime)
    assert not (tmp_path / "page").exists()


def test_an_own_model_with_an_own_skeleton_is_taken(runtime: Path, tmp_path: Path, dot_model) -> None:
    export_web(tmp_path / "page", [dot_model()], runtime=runtime)
    manifest = json.loads((tmp_path / "page" / "manifest.json").read_text())
    assert [skeleton["name"] for skeleton in manifest["skeletons"]] == ["dots"]
    assert np.isfinite(manifest["models"][0]["card"]["oks_sigmas"]).all()
    assert manifest["models"][0]["card"]["calibration"] is None


def test_a_runtime_of_another_version_or_damaged_is_refused(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExportError, match="does not hold"):
        find_runtime(tmp_path / "empty")
    (runtime / "package" / "dist" / "ort.wasm.min.mjs").write_bytes(b"other")
    with pytest.raises(ExportError, match="another version"):
        find_runtime(runtime)


def test_without_npm_and_network_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExportError, match=r"LEANPOSE_CACHE=0.*--runtime"):
        find_runtime()
    monkeypatch.setenv("LEANPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExportError, match=r"install Node\.js.*npm pack onnxruntime-web@.*--runtime"):
        find_runtime()
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(ExportError, match=r"ENOTFOUND.*--runtime"):
        find_runtime()


def test_npm_is_asked_once(runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEANPOSE_CACHE", str(tmp_path / "cache"))
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(
        f"#!/bin/sh\n[ -f package-lock.json ] || exit 1\necho asked >> {tmp_path}/asked\n"
        f"mkdir -p node_modules/onnxruntime-web\ncp -r {runtime}/package/dist node_modules/onnxruntime-web/dist\n"
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")
    first, second = find_runtime(), find_runtime()
    assert first == second
    assert (tmp_path / "asked").read_text() == "asked\n"
    assert [path.name for path in first.parent.iterdir()] == [first.name]  # nothing else is left behind


def test_the_lock_file_has_the_pinned_runtime() -> None:
    lock = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    assert lock["node_modules/onnxruntime-web"]["version"] == pinned_version()
    assert all("integrity" in entry for name, entry in lock.items() if name)


def test_manifest_of_cards_without_calibration_or_sigmas_is_json(tmp_path: Path) -> None:
    path, card = find_model("nano")
    detector = find_detector("person")[1]
    assert detector is not None
    bare = replace(card, calibration=None, skeleton=replace(card.skeleton, sigmas=None))
    assert json.loads(json.dumps(web.manifest([(path, bare)], detector), allow_nan=False))
