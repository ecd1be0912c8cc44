"""YOLO-pose as Ultralytics documents it: ``data.yaml``, ``images/PART/`` and ``labels/PART/``, a text file per image.

Pixels become fractions of the image as in :mod:`leanpose.datasets.readers.yolo`, written so that they come back
exactly.
"""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from leanpose.core.geometry import to_corner
from leanpose.datasets.readers import PARTS
from leanpose.datasets.writers.people import (
    BOXES,
    CUT,
    HIDDEN,
    OUTSIDE,
    UNKNOWN_HIDDEN,
    ImageStore,
    Losses,
    People,
    Person,
    count_losses,
    exact,
    visibility,
)
from leanpose.pose.skeleton import SKELETONS, Skeleton


def write_yolo(folder: Path, people: People, skeleton: Skeleton, store: ImageStore, losses: Losses) -> str:
    """Write people for YOLO-pose; the parts are folders, and an empty list where nobody is in one.

    The format has no place beyond the edges of an image, and Ultralytics' loader drops images that use one: boxes are
    cut there, and joints beyond are written as not labelled.

    Returns:
        The spec that reads it, with {} for the folder.
    """
    count_losses(people, losses, HIDDEN, BOXES)
    lines: dict[str, list[str]] = defaultdict(list)
    for part in PARTS:
        for person in people.get(part, ()):
            row = _row(person, losses)
            if row is None:
                losses[OUTSIDE] += 1
                continue
            lines[f"labels/{part}/{person.picture.stem}.txt"].append(row)
            store.put(person.picture, f"images/{part}/{person.picture.name}")
    for name, rows in lines.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    used = {name.split("/")[1] for name in lines}
    (folder / "data.yaml").write_text(_yaml(skeleton, used), encoding="utf-8")
    if skeleton in SKELETONS.values():
        return "yolo:{}"
    losses["limbs, sigmas and torso of the skeleton: they are in skeleton.json"] += 1
    return "yolo:{0},skeleton={0}/skeleton.json"


def _yaml(skeleton: Skeleton, used: set[str]) -> str:
    """JSON values are YAML too."""
    lines = [f"{part}: {f'images/{part}' if part in used else '[]'}" for part in PARTS]
    lines.append(f"kpt_shape: [{len(skeleton)}, 3]")
    if skeleton.flippable:
        lines.append(f"flip_idx: {skeleton.flip_permutation.tolist()}")
    name = "person" if skeleton in SKELETONS.values() else skeleton.name
    lines += [f"names: [{json.dumps(name)}]", "kpt_names:", f"  0: {json.dumps(list(skeleton.joints))}"]
    return "\n".join(lines) + "\n"


def _row(person: Person, losses: Losses) -> str | None:
    """Class, centre and size of the box, joints; None where nothing is left of the person."""
    sample = person.sample
    size = np.array([person.picture.width, person.picture.height])
    corners = exact(to_corner(sample.box.reshape(2, 2)) / size, size)
    inside = np.clip(corners, 0, 1)
    places = exact(to_corner(sample.keypoints) / size, size)
    with np.errstate(invalid="ignore"):
        outside = sample.labelled & ((places < 0) | (places > 1)).any(axis=1)
    extent = inside[1] - inside[0]
    seen = np.where(outside, 0, visibility(sample))
    if not seen.any() or (extent <= 0).any():
        return None
    losses[CUT] += not np.array_equal(corners, inside)
    losses["joints outside the image"] += int(outside.sum())
    losses[UNKNOWN_HIDDEN] += sample.occluded is None
    places[seen == 0] = 0
    box = [*exact(inside.mean(axis=0), size).tolist(), *exact(extent, size).tolist()]
    joints = [
        value for (x, y), v in zip(places.tolist(), seen.tolist(), strict=True) for value in (repr(x), repr(y), str(v))
    ]
    return " ".join(("0", *map(repr, box), *joints))
