"""A pack: person crops of any dataset in one file, for training where the images cannot go.

One ``.npz`` holds the encoded crops back to back and the labels in crop pixels, so it is read without pickle. The
part of every sample is kept, so that what was held out of the images stays held out of the pack.
"""

import io
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from leanpose.errors import DatasetError
from leanpose.files import write_whole
from leanpose.readers.parts import Part
from leanpose.readers.sample import Sample
from leanpose.skeleton import skeleton_named

PACK_VERSION = 1


def write_pack(path: Path, samples: dict[Part, list[Sample]]) -> None:
    """Write samples whose images are encoded bytes, by part, into one file.

    Raises:
        DatasetError: when there is no sample, the skeletons differ, an image is still a path, or the file cannot be
            written.
    """
    flat = [(part, sample) for part, members in samples.items() for sample in members]
    skeletons = {sample.skeleton.name for _, sample in flat}
    images = [sample.image for _, sample in flat if isinstance(sample.image, bytes)]
    if len(skeletons) != 1 or len(images) != len(flat):
        raise DatasetError(f"{path}: a pack takes encoded crops of one skeleton, got {sorted(skeletons)}")
    content = io.BytesIO()
    np.savez(
        content,
        version=PACK_VERSION,
        skeleton=skeletons.pop(),
        datasets=np.array([sample.dataset for _, sample in flat]),
        names=np.array([sample.name for _, sample in flat]),
        parts=np.array([part for part, _ in flat]),
        images=np.frombuffer(b"".join(images), np.uint8),
        image_ends=np.cumsum([len(image) for image in images]),
        keypoints=np.stack([sample.keypoints for _, sample in flat]).astype(np.float32),
        labelled=np.stack([sample.labelled for _, sample in flat]),
        boxes=np.stack([sample.box for _, sample in flat]).astype(np.float32),
    )
    write_whole(path, content.getvalue(), DatasetError)


def read_pack(path: Path, part: Part, problems: list[str] | None = None) -> list[Sample]:
    """Samples of one part of a pack.

    Raises:
        DatasetError: when the file is no pack or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            pack = dict(arrays)
    except (OSError, EOFError, TypeError, ValueError, BadZipFile) as error:
        raise DatasetError(f"{path}: not a pack, or a damaged one: {error}") from error
    if int(pack.get("version", -1)) != PACK_VERSION:
        raise DatasetError(f"{path}: not a pack of version {PACK_VERSION}: write it anew with 'leanpose data pack'")
    skeleton = skeleton_named(str(pack["skeleton"]))
    images = pack["images"].tobytes()
    starts = np.concatenate(([0], pack["image_ends"][:-1]))
    return [
        Sample(
            str(pack["datasets"][i]),
            str(pack["names"][i]),
            images[starts[i] : pack["image_ends"][i]],
            pack["keypoints"][i].astype(np.float64),
            pack["labelled"][i],
            pack["boxes"][i].astype(np.float64),
            skeleton,
        )
        for i in np.flatnonzero(pack["parts"] == part)
    ]
