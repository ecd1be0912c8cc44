"""The page's modules: their own tests in Node, their types, and numbers.json, which is what Python gives today."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leanpose.export.web_runtime import PAGE

from .make_numbers import FILE, numbers

HERE = Path(__file__).parent
BYTES = {"rgba", "rgb"}


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is absent: install it (20 or later) to run the page's own tests")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"Node.js is {version.strip()}: the page's own tests need 20 or later")
    return found


def web_modules() -> Path:
    """Where ``npm ci`` was run with the page's package.json."""
    root = os.environ.get("LEANPOSE_WEB_MODULES")
    if not root or not Path(root, "node_modules").is_dir():
        pytest.skip(
            "the page's tools are absent: copy src/leanpose/web/package*.json to a folder, run npm ci there, and set "
            "LEANPOSE_WEB_MODULES to it"
        )
    return Path(root)


def test_modules_pass_their_own_tests() -> None:
    files = sorted(str(path) for path in HERE.glob("*.test.js"))
    done = subprocess.run([node(), "--test", *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "# fail 0" in done.stdout or "ℹ fail 0" in done.stdout


def test_types_hold(tmp_path: Path) -> None:
    modules = web_modules()
    for pattern in ("*.js", "tsconfig.json", "package.json"):
        for path in PAGE.glob(pattern):
            shutil.copyfile(path, tmp_path / path.name)
    (tmp_path / "node_modules").symlink_to(modules.resolve() / "node_modules")
    tsc = modules / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([node(), tsc], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


def test_numbers_are_those_of_today() -> None:
    _same(json.loads(FILE.read_text()), json.loads(json.dumps(numbers())), "numbers")


def _same(kept: Any, made: Any, where: str) -> None:
    assert type(kept) is type(made) or {type(kept), type(made)} == {int, float}, where
    if isinstance(kept, dict):
        assert kept.keys() == made.keys(), where
        for key in kept:
            _same(kept[key], made[key], f"{where}.{key}")
    elif isinstance(kept, list):
        assert len(kept) == len(made), where
        for i, (a, b) in enumerate(zip(kept, made, strict=True)):
            _same(a, b, f"{where}[{i}]")
    elif isinstance(kept, float):
        assert kept == pytest.approx(made, rel=1e-4, abs=1e-4), where
    elif isinstance(kept, str) and where.rpartition(".")[2] in BYTES:
        a, b = (np.frombuffer(base64.b64decode(text), np.uint8).astype(int) for text in (kept, made))
        assert np.abs(a - b).max() <= 1, where  # another build of OpenCV may round otherwise
    elif isinstance(kept, str) and where.endswith(".maps"):
        a, b = (np.frombuffer(base64.b64decode(text), np.float32) for text in (kept, made))
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    else:
        assert kept == made, where
