"""Fixtures that several tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real images, or a skip that says how to get it."""
    root = os.environ.get("LEANPOSE_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("real images are absent: set LEANPOSE_DATA to the folder that holds lsp_dataset/ and the others")
    return Path(root)
