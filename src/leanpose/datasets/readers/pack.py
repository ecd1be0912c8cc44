"""Packs: person crops of any dataset in a few files, for training where the images cannot go.

A pack is a folder. ``index.json`` holds the skeleton, the number of people in each part, and size and SHA-256 of the
other files: ``labels.npz`` with the labels in crop pixels, and the shards, ``shard-0000.bin`` and so on, with the
encoded crops back to back. Nothing needs pickle; crops are read one by one when they are asked for, so that a pack may
be larger than memory. The part of every person is kept: what was held out stays held out.
"""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.bounded import read_arrays
from leanpose.core.errors import DatasetError, SkeletonError
from leanpose.core.files import whole_folder
from leanpose.core.json_file import read_json
from leanpose.datasets.readers.parts import PARTS, Part
from leanpose.datasets.readers.sample import FileSlice, Sample
from leanpose.engines.card import file_sha256
from leanpose.pose.skeleton import Skeleton

SCHEMA, VERSION = "leanpose.pack", 3
INDEX, LABELS, SHARD = "index.json", "labels.npz", "shard-{:04d}.bin"
SHARD_BYTES = 256_000_000


@dataclass(eq=False)
class _Crops:
    """Writes encoded crops back to back into shards, and remembers where each is."""

    folder: Path
    shard_bytes: int
    sizes: list[int] = field(default_factory=list)  # of the shards
    places: list[tuple[int, int, int]] = field(default_factory=list)  # shard, first byte, bytes

    def add(self, data: bytes) -> None:
        if not self.sizes or self.sizes[-1] + len(data) > self.shard_bytes:
            self.sizes.append(0)
        shard = len(self.sizes) - 1
        with (self.folder / SHARD.format(shard)).open("ab") as file:
            file.write(data)
        self.places.append((shard, self.sizes[-1], len(data)))
        self.sizes[-1] += len(data)


def write_pack(
    path: Path, samples: Mapping[Part, Iterable[Sample]], shard_bytes: int = SHARD_BYTES, overwrite: bool = False
) -> dict[Part, int]:
    """Write samples whose images are encoded bytes, by part, into a folder, and count them.

    The same samples give the same bytes. They are taken one at a time and their images are not kept.

    Args:
        shard_bytes: most that a shard holds, unless a single crop is larger.
        overwrite: replace a pack that stands there.

    Raises:
        DatasetError: when there is no sample, the skeletons differ, an image is not encoded, or the folder is taken or
            cannot be written.
    """
    flat: list[tuple[Part, Sample]] = []
    with whole_folder(path, INDEX, overwrite, DatasetError) as folder:
        crops = _Crops(folder, shard_bytes)
        for part, members in samples.items():
            for sample in members:
                if not isinstance(sample.image, bytes):
                    raise DatasetError(f"{path}: a pack takes encoded crops; the image of {sample.name} is none")
                crops.add(sample.image)
                flat.append((part, replace(sample, image=b"")))
        skeletons = {sample.skeleton for _, sample in flat}
        if len(skeletons) != 1:
            names = ", ".join(sorted(skeleton.name for skeleton in skeletons))
            raise DatasetError(f"{path}: a pack takes people of one skeleton, got {names or 'nobody'}")
        counts: dict[Part, int] = {part: [p for p, _ in flat].count(part) for part in samples}
        (folder / LABELS).write_bytes(_labels([sample for _, sample in flat], [part for part, _ in flat], crops.places))
        index = {
            "schema": SCHEMA,
            "version": VERSION,
            "skeleton": skeletons.pop().to_dict(),
            "people": counts,
            "labels": _entry(folder / LABELS),
            "shards": [_entry(folder / SHARD.format(i)) for i in range(len(crops.sizes))],
        }
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n")
    return counts


def read_pack(path: Path, part: Part, problems: list[str] | None = None) -> list[Sample]:
    """Samples of one part of a pack. Their images stay in the files until they are asked for.

    Args:
        path: the folder, or the index in it.
        part: which of its people.
        problems: stays as it is: a pack is whole or refused.

    Raises:
        DatasetError: when the folder is no pack or of another version, or a file of it is missing or damaged.
    """
    folder = path.parent if path.name == INDEX else path
    if path.is_file() and path.name != INDEX:
        raise DatasetError(
            f"{path}: not a pack, which is a folder with {INDEX} in it; packs of a single .npz file are of an older "
            "version: write it anew with 'leanpose data pack'"
        )
    index = _read_index(folder)
    try:
        skeleton = Skeleton.from_dict(index["skeleton"])
        _check(folder / LABELS, index["labels"])
        shards = [folder / SHARD.format(i) for i in range(len(index["shards"]))]
        for shard, entry in zip(shards, index["shards"], strict=True):
            _check(shard, entry)
        labels = read_arrays(folder / LABELS, DatasetError)
        if labels["keypoints"].shape[1:] != (len(skeleton), 2):
            raise ValueError(f"{len(skeleton)} joints, but keypoints of shape {labels['keypoints'].shape}")
        members = np.flatnonzero(labels["parts"] == PARTS.index(part)).tolist()
        return [_sample(labels, i, skeleton, shards) for i in members]
    except (OSError, LookupError, TypeError, ValueError, OverflowError, RecursionError, SkeletonError) as error:
        raise DatasetError(f"{folder}: not a pack, or a damaged one: {error}") from error


def pack_size(path: Path) -> int:
    """Bytes of all files of a pack."""
    return sum(file.stat().st_size for file in path.iterdir())


def _read_index(folder: Path) -> dict[str, Any]:
    file = folder / INDEX
    if not file.is_file():
        raise DatasetError(f"{folder}: not a pack: it has no {INDEX}")
    index = read_json(file)
    if not isinstance(index, dict) or index.get("schema") != SCHEMA:
        raise DatasetError(f"{file}: not the index of a pack")
    if index.get("version") != VERSION:
        raise DatasetError(
            f"{file}: not a pack of version {VERSION}: write it anew with 'leanpose data pack', or update leanpose"
        )
    return index


def _entry(file: Path) -> dict[str, Any]:
    return {"bytes": file.stat().st_size, "sha256": file_sha256(file)}


def _check(file: Path, entry: Mapping[str, Any]) -> None:
    """Refuses a file that is not the one the index was written for."""
    again = "copy the pack again, or write it anew with 'leanpose data pack'"
    if not file.is_file() or file.is_symlink():  # a link may lead to what is nobody's to copy
        raise DatasetError(f"{file}: {'a link out of the pack' if file.is_symlink() else 'missing'}: {again}")
    size = file.stat().st_size
    if size != entry["bytes"]:
        raise DatasetError(f"{file}: {size} bytes, the index says {entry['bytes']}: {again}")
    if file_sha256(file) != entry["sha256"]:
        raise DatasetError(f"{file}: damaged: its SHA-256 is not the one in the index: {again}")


def _labels(samples: list[Sample], parts: list[Part], places: list[tuple[int, int, int]]) -> bytes:
    content = io.BytesIO()
    nan = float("nan")
    np.savez_compressed(
        content,
        parts=np.array([PARTS.index(part) for part in parts], np.int8),
        places=np.array(places, np.int64),
        datasets=np.array([sample.dataset for sample in samples]),
        names=np.array([sample.name for sample in samples]),
        keypoints=np.stack([sample.keypoints for sample in samples]).astype(np.float32),
        labelled=np.stack([sample.labelled for sample in samples]),
        boxes=np.stack([sample.box for sample in samples]).astype(np.float32),
        occluded=np.stack([np.zeros_like(s.labelled) if s.occluded is None else s.occluded for s in samples]),
        knows_occluded=np.array([sample.occluded is not None for sample in samples]),
        areas=np.array([nan if sample.area is None else sample.area for sample in samples]),
        head_sizes=np.array([nan if sample.head_size is None else sample.head_size for sample in samples]),
        box_scores=np.array([sample.box_score for sample in samples]),
        crowds=np.array([sample.crowd for sample in samples]),
        ids=np.array([json.dumps([sample.image_id, sample.person_id]) for sample in samples]),
        confidences=np.stack([np.ones(len(s.labelled)) if s.confidence is None else s.confidence for s in samples]),
        knows_confidence=np.array([sample.confidence is not None for sample in samples]),
    )
    return content.getvalue()


def _sample(labels: Mapping[str, np.ndarray], i: int, skeleton: Skeleton, shards: list[Path]) -> Sample:
    shard, start, size = labels["places"][i].tolist()
    image_id, person_id = json.loads(str(labels["ids"][i]))
    area, head_size = float(labels["areas"][i]), float(labels["head_sizes"][i])
    return Sample(
        str(labels["datasets"][i]),
        str(labels["names"][i]),
        FileSlice(shards[shard], start, size),
        labels["keypoints"][i].astype(np.float64),
        labels["labelled"][i],
        labels["boxes"][i].astype(np.float64),
        skeleton,
        labels["occluded"][i] if labels["knows_occluded"][i] else None,
        None if np.isnan(area) else area,
        None if np.isnan(head_size) else head_size,
        float(labels["box_scores"][i]),
        bool(labels["crowds"][i]),
        image_id,
        person_id,
        labels["confidences"][i] if labels["knows_confidence"][i] else None,
    )
