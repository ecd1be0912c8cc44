"""Engines in processes that were forked, spawned or come from a server: they answer or refuse, and never hang."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from leanpose.core.errors import ForkError, ModelError
from leanpose.engines import Engine, create_engine, installed_engines, shared

from ..processes import METHODS, in_child
from .networks import doubling

IMAGE = np.arange(192, dtype=np.float32).reshape(1, 3, 8, 8)
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@pytest.fixture
def net(tmp_path):
    return doubling(tmp_path / "net.onnx")


def used(path, name) -> Engine:
    """An engine that has computed, so that all its threads are there."""
    if name not in installed_engines():
        pytest.skip(f"{name} is not installed")
    engine = create_engine(path, name, threads=2)
    engine(IMAGE)
    engine.submit(IMAGE).result()
    return engine


def both_ways(engine: Engine) -> np.ndarray:
    return np.concatenate((engine(IMAGE), engine.submit(IMAGE).result()))


def made_there(path, name) -> np.ndarray:
    return both_ways(create_engine(path, name, threads=2))


@pytest.mark.parametrize("method", METHODS)
def test_onnxruntime_works_in_each_child(net, method):
    engine = used(net, "onnxruntime")
    expected = np.concatenate((2 * IMAGE, 2 * IMAGE))
    np.testing.assert_array_equal(in_child(method, both_ways, engine), expected)
    np.testing.assert_array_equal(in_child(method, made_there, net, "onnxruntime"), expected)
    np.testing.assert_array_equal(both_ways(engine), expected)  # here, too, still


@pytest.mark.parametrize("method", METHODS)
def test_openvino_works_in_spawned_children_and_says_so_in_forked_ones(net, method):
    engine = used(net, "openvino")
    for function, *arguments in ((both_ways, engine), (made_there, net, "openvino")):
        if method == "fork":
            with pytest.raises(ForkError, match=r"forked from it: start processes with spawn.*onnxruntime"):
                in_child(method, function, *arguments)
        else:
            answer = in_child(method, function, *arguments)
            np.testing.assert_array_equal(answer, np.concatenate((2 * IMAGE, 2 * IMAGE)))
    np.testing.assert_array_equal(engine(IMAGE), 2 * IMAGE)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_answer_under_way_is_refused(net, name):
    answer = used(net, name).submit(IMAGE)
    with pytest.raises(ForkError, match="spawn"):
        in_child("fork", answer.result)
    np.testing.assert_array_equal(answer.result(), 2 * IMAGE)


def test_a_lock_that_another_thread_held_at_the_fork_is_not_waited_for(net):
    held, done = threading.Event(), threading.Event()

    def hold():
        with shared._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        answer = in_child("fork", made_there, net, "onnxruntime")
    finally:
        done.set()
        thread.join()
    np.testing.assert_array_equal(answer, np.concatenate((2 * IMAGE, 2 * IMAGE)))


def test_another_file_under_the_name_is_not_taken_for_the_network(net):
    engine = used(net, "onnxruntime")
    net.write_bytes(net.read_bytes() + b"\n")
    with pytest.raises(ModelError, match=r"net\.onnx is another file than before"):
        in_child("fork", both_ways, engine)
    net.unlink()
    with pytest.raises(ModelError, match=r"net\.onnx: cannot be read again in a forked process"):
        in_child("fork", both_ways, engine)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_forked_process_ends_as_any_other(net, name):
    """Where multiprocessing is not in between, all that C++ made is freed at the end: not what waits for threads."""
    used(net, name)
    script = (
        "import os, sys, numpy as np\n"
        "from leanpose.engines import create_engine\n"
        f"engine = create_engine({str(net)!r}, {name!r}, threads=2)\n"
        "image = np.zeros((1, 3, 8, 8), np.float32)\n"
        "engine.submit(image).result()\n"
        "if not os.fork():\n"
        f"    {'engine(image)' if name == 'onnxruntime' else 'pass'}\n"
        "    sys.exit(7)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    if process.returncode is None:
        os.killpg(process.pid, 9)
    assert process.wait() == 7
