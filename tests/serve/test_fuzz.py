"""Bodies that nobody meant to send: whatever they are, no 500. ``benchmarks/serve_fuzz.py`` sends more of them."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("av", reason="videos need the extra video: pip install 'leanpose[video]'")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "serve_fuzz.py"


def test_300_broken_bodies_are_refused_or_answered(serve, photo):
    spec = importlib.util.spec_from_file_location("serve_fuzz", SCRIPT)
    assert spec
    assert spec.loader
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    running = serve()
    statuses = Counter(fuzz.send(running.port, request) for request in fuzz.bodies(300, 1, "dots"))
    assert set(statuses) <= {200, 404, 413, 422}, statuses
    assert statuses[422] > 100
    assert running.ask("/v1/poses", photo).status == 200
    assert running.service.held.now == running.service.videos == 0
