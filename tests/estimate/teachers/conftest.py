"""Where teachers' files are, which are not in the repository."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def teacher_files() -> Path:
    """The folder of real teachers' files, or a skip that says how to get them."""
    folder = os.environ.get("LEANPOSE_TEACHERS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set LEANPOSE_TEACHERS to a folder with the files that docs/teachers.md says how to get")
    pytest.importorskip("openvino")
    return Path(folder)
