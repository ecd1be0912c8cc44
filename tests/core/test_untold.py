"""Whether anything leaves the machine, or is written into the home folder, seen by hooks inside of a fresh process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.untold import SWITCHES, import_untold, untold

# The hook sees what Python does, also in processes that are forked off; what C does shows in what it leaves in HOME.
WATCHED = """
import os, sys
seen = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def hook(event, args):
    if event in ("os.fork", "os.forkpty", "subprocess.Popen", "os.posix_spawn") or event.startswith("socket.get"):
        os.write(seen, (event + "\\n").encode())
    if event == "socket.connect":
        os.write(seen, f"{{event}} {{args[1]}}\\n".encode())
sys.addaudithook(hook)
{code}
import time
time.sleep(0.5)
"""
ESTIMATE = """
import numpy as np
from leanpose import PoseEstimator
assert len(PoseEstimator("nano", engine={engine!r})(np.zeros((64, 64, 3), np.uint8), whole_image=True)) == 1
"""
CODES = {
    "openvino": ESTIMATE.format(engine="openvino"),
    "onnxruntime": ESTIMATE.format(engine="onnxruntime"),
    "info": "from leanpose.engines.info import report; report()",
    "ceilings": "from leanpose.benchmark import ceilings; ceilings._openvino_kinds()",
    "nncf": "from leanpose.core.untold import import_untold; import_untold('nncf')",
}
NEEDED = {"openvino": "openvino", "ceilings": "openvino", "nncf": "nncf"}


def watch(code: str, folder: Path) -> tuple[list[str], list[str]]:
    """What a process was seen to do, and the files that it left in its home folder."""
    home, log = folder / "home", folder / "log"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if k not in (*SWITCHES, "TF_BUILD", "JENKINS_URL")}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "caches"), "LEANPOSE_CACHE": str(folder / "cache")}
    script = WATCHED.format(log=str(log), code=code)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return log.read_text().splitlines(), sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file())


@pytest.mark.skipif(sys.platform == "win32", reason="the hook's events are those of POSIX")
@pytest.mark.parametrize("what", [pytest.param(w, marks=pytest.mark.slow) if w == "nncf" else w for w in CODES])
def test_nothing_is_told_and_home_stays_as_it_was(what, tmp_path):
    pytest.importorskip(NEEDED.get(what, "numpy"))
    seen, written = watch(CODES[what], tmp_path)
    if what == "nncf":  # torch, which it brings, asks for compilers
        seen = [line for line in seen if line.startswith("socket")]
    assert (seen, written) == ([], [])


@pytest.mark.skipif(sys.platform != "linux", reason="where the packages keep their notes differs")
def test_the_hooks_see_what_is_told_where_it_is_not_prevented(tmp_path):
    pytest.importorskip("openvino")
    seen, written = watch("import openvino", tmp_path)
    assert "os.fork" in seen
    assert any("openvino_ga_cid" in name for name in written)


@pytest.mark.parametrize("before", [None, "false", "", "1", "true"])
def test_the_environment_is_given_back(before, monkeypatch):
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
        if before is not None:
            monkeypatch.setenv(name, before)
    given = dict(os.environ)
    with untold():
        assert {name: os.environ[name] for name in SWITCHES} == SWITCHES
    assert dict(os.environ) == given
    with pytest.raises(ZeroDivisionError), untold():
        raise ZeroDivisionError
    assert dict(os.environ) == given


def test_the_module_is_the_module():
    assert import_untold("numpy") is np
    assert import_untold("json") is json


def test_a_package_that_is_not_there():
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        import_untold("no_such_package")
