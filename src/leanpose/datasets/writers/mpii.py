"""MPII as the json files of the HRNet line: ``annot/train.json``, ``val.json`` and ``valid.json`` beside ``images/``.

As in :mod:`leanpose.datasets.readers.mpii` the first pixel is 1, and a box is the square of 200 scales about the centre
moved down by 15 scales. ``valid.json`` is what HRNet's code tests on, the part ``test`` here.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.datasets.readers import PARTS
from leanpose.datasets.readers.mpii import SHIFT_PER_SCALE, SIDE_PER_SCALE
from leanpose.datasets.writers.people import BOXES, ImageStore, Losses, People, Person, count_losses, exact, same_pixels
from leanpose.pose.skeleton import Skeleton

FILES = {"train": "train.json", "val": "val.json", "test": "valid.json"}


def write_mpii(folder: Path, people: People, skeleton: Skeleton, store: ImageStore, losses: Losses) -> str:
    """Write people with MPII's joints. Each part has its file, which is empty where nobody is in it.

    Returns:
        The spec that reads it, with {} for the folder.
    """
    count_losses(people, losses, BOXES)
    for part in PARTS:
        entries = []
        for person in people.get(part, ()):
            entries.append(_entry(person, losses))
            store.put(person.picture, f"images/{person.picture.name}")
        file = folder / "annot" / FILES[part]
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(entries, allow_nan=False), encoding="utf-8")
    return "mpii:{}"


def _entry(person: Person, losses: Losses) -> dict[str, Any]:
    sample = person.sample
    sides = sample.box[2:] - sample.box[:2]
    losses["boxes that are no squares: the square about them is kept"] += not same_pixels(sides[:1], sides[1:])
    scale = exact(sides.max() / SIDE_PER_SCALE)
    centre = (sample.box[:2] + sample.box[2:]) / 2 + 1 - np.array([0, SHIFT_PER_SCALE * float(scale)])
    joints = np.where(sample.labelled[:, None], exact(sample.keypoints + 1), -1.0)
    return {
        "joints_vis": sample.labelled.astype(int).tolist(),
        "joints": joints.tolist(),
        "image": person.picture.name,
        "scale": float(scale),
        "center": exact(centre).tolist(),
    }
