"""Leeds Sports Pose: a folder for each part with ``joints.mat`` and ``images/im0001.jpg`` and so on, one person each.

The first pixel is 1. Where everybody has all 14 joints, the array is LSP's, 3x14xN, and its third row marks hidden
joints; else it is LSP-extended's, 14x3xN, and its third column marks labelled ones.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leanpose.core.errors import MissingExtraError
from leanpose.datasets.readers import PARTS
from leanpose.datasets.writers.people import (
    HIDDEN,
    UNKNOWN_HIDDEN,
    ImageStore,
    Losses,
    People,
    Person,
    count_losses,
    exact,
    hidden,
)
from leanpose.pose.skeleton import Skeleton

HEADER = b"MATLAB 5.0 MAT-file, written by leanpose"  # SciPy's has the time of day
HEADER_BYTES = 116


def write_lsp(folder: Path, people: People, skeleton: Skeleton, store: ImageStore, losses: Losses) -> str:
    """Write people with LSP's joints; an image with several of them is written for each.

    Returns:
        The spec that reads it, with {} for the folder.

    Raises:
        MissingExtraError: when SciPy is not installed.
    """
    try:
        from scipy.io import savemat
    except ModuleNotFoundError as error:
        raise MissingExtraError("scipy", "train") from error
    complete = all(person.sample.labelled.all() for members in people.values() for person in members)
    count_losses(people, losses, *([HIDDEN] if complete else []))
    for part in PARTS:
        members = [person for person in people.get(part, ()) if person.sample.labelled.sum() >= 2]
        losses["people with a single labelled joint"] += len(people.get(part, ())) - len(members)
        if not members:
            continue
        for number, person in enumerate(members, start=1):
            name = f"im{number:04d}.jpg" if complete else f"im{number:05d}.jpg"
            losses["images encoded anew as JPEG"] += store.put_jpeg(person.picture, f"{part}/images/{name}")
            losses["names of images"] += person.picture.name != name
            unknown = complete and person.sample.occluded is None
            losses[UNKNOWN_HIDDEN] += unknown
        content = io.BytesIO()
        savemat(content, {"joints": _complete(members) if complete else _partial(members)})
        (folder / part).mkdir(exist_ok=True)
        data = HEADER.ljust(HEADER_BYTES) + content.getvalue()[HEADER_BYTES:]
        (folder / part / "joints.mat").write_bytes(data)
    return "lsp:{}" if complete else "lspet:{}"


def _complete(people: Sequence[Person]) -> np.ndarray:
    """(3, 14, N)"""
    rows = [np.vstack((exact(p.sample.keypoints + 1).T, hidden(p.sample))) for p in people]
    return np.stack(rows, axis=-1)


def _partial(people: Sequence[Person]) -> np.ndarray:
    """(14, 3, N)"""
    rows = []
    for person in people:
        labelled = person.sample.labelled[:, None]
        rows.append(np.hstack((np.where(labelled, exact(person.sample.keypoints + 1), 0), labelled)))
    return np.stack(rows, axis=-1)
