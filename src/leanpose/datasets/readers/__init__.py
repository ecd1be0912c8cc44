"""Readers of datasets: one file per format, all giving :class:`Sample`."""

import inspect
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.aic import read_aic
from leanpose.datasets.readers.coco import read_coco
from leanpose.datasets.readers.coco_dialects import read_crowdpose, read_halpe, read_ochuman
from leanpose.datasets.readers.corrections import corrected, with_joints_of
from leanpose.datasets.readers.csv_labels import read_csv
from leanpose.datasets.readers.lsp import read_hr_lspet, read_lsp, read_lspet
from leanpose.datasets.readers.mapping import map_sample
from leanpose.datasets.readers.mpii import read_mpii
from leanpose.datasets.readers.pack import read_pack
from leanpose.datasets.readers.parts import PARTS, Part, without_fold
from leanpose.datasets.readers.sample import Sample
from leanpose.datasets.readers.yolo import read_yolo
from leanpose.pose.skeleton import Skeleton

__all__ = [
    "FOR_TRAINING", "PARTS", "READERS", "Part", "Sample", "map_sample", "parse_spec", "read_people", "read_samples",
]  # fmt: skip

LOG = logging.getLogger(__name__)
SHOWN_PROBLEMS = 5

# Each takes a path, a part, options as keywords (text), and a list that collects what it had to leave out and why.
READERS: dict[str, Callable[..., list[Sample]]] = {
    "lsp": read_lsp,
    "lspet": read_lspet,
    "hr_lspet": read_hr_lspet,
    "mpii": read_mpii,
    "yolo": read_yolo,
    "csv": read_csv,
    "pack": read_pack,
    "coco": read_coco,
    "crowdpose": read_crowdpose,
    "ochuman": read_ochuman,
    "halpe": read_halpe,
    "aic": read_aic,
}

# Options of all kinds, for the people to train on; those to choose by and to measure on stay as they are.
FOR_TRAINING: dict[str, Callable[[list[Sample], str], list[Sample]]] = {
    "without": without_fold,
    "corrections": lambda samples, file: corrected(samples, Path(file)),
}

# The option of all kinds that says what to call a dataset: in cards, and where a recipe repeats its people.
DATASET_NAME = "name"


def read_samples(
    specs: Sequence[str], part: Part, skeleton: Skeleton | None = None, problems: list[str] | None = None
) -> list[Sample]:
    """Samples of one part of the datasets named by ``KIND:PATH[,OPTION=VALUE...]`` specs, in their order.

    Args:
        skeleton: what all samples are mapped to by joint name; needed where the datasets' own differ.
        problems: receives a message for every annotation that was left out; without it they are logged.

    Raises:
        DatasetError: for an unknown kind or option, a spec without a colon, a missing path, a file that is not what
            its kind says, or datasets whose skeletons differ.
    """
    samples: list[Sample] = []
    left_out: list[str] = [] if problems is None else problems
    for spec in specs:
        kind, path, options = parse_spec(spec)
        samples += read_people(kind, path, part, left_out, options)
    if skeleton is not None:
        samples = [mapped for sample in samples if (mapped := map_sample(sample, skeleton, left_out))]
    names = {sample.skeleton for sample in samples}
    if len(names) > 1:
        raise DatasetError(
            f"datasets of different skeletons together: {', '.join(sorted(s.name for s in names))}: "
            "name the one to map them to with --skeleton"
        )
    if problems is None and left_out:
        shown = "; ".join(left_out[:SHOWN_PROBLEMS])
        LOG.warning("%s: %d annotations left out: %s", ", ".join(specs), len(left_out), shown)
    return samples


def read_people(
    kind: str, path: Path, part: Part, problems: list[str] | None, options: Mapping[str, str]
) -> list[Sample]:
    """Samples of one part of one dataset, as :func:`parse_spec` describes it.

    Raises:
        DatasetError: as :func:`read_samples`.
    """
    own = {name: value for name, value in options.items() if name not in (*FOR_TRAINING, DATASET_NAME)}
    samples = READERS[kind](path, part, problems=problems, **own)
    if (called := options.get(DATASET_NAME)) is not None:
        if not re.fullmatch(r"\w+", called):
            raise DatasetError(f"{kind}:{path}: {DATASET_NAME}={called}: a name is of letters, digits and underscores")
        samples = [replace(sample, dataset=called) for sample in samples]
    for name, change in FOR_TRAINING.items():
        if name in options and part == "train":
            samples = change(samples, options[name])
    if "corrections" in options and part != "train":
        samples = with_joints_of(samples, Path(options["corrections"]))
    return samples


def parse_spec(spec: str, readers: Mapping[str, Callable[..., Any]] = READERS) -> tuple[str, Path, dict[str, str]]:
    """Kind, path and options of ``KIND:PATH[,OPTION=VALUE...]``, such as ``coco:data/coco,boxes=detections.json``.

    Args:
        readers: the kinds there are, each with a reader whose keywords are its options.

    Raises:
        DatasetError: for an unknown kind or option, a missing colon, or a path that does not exist.
    """
    kind, colon, rest = spec.partition(":")
    if not colon or kind not in readers:
        raise DatasetError(f"data '{spec}': write KIND:PATH with KIND one of {', '.join(readers)}")
    path, *assignments = re.split(r",(?=[a-z]+=)", rest)
    options = dict(assignment.split("=", 1) for assignment in assignments)
    known = [name for name in inspect.signature(readers[kind]).parameters if name not in ("path", "part", "problems")]
    if "whole" in known:
        # the option is part=, but a reader has that word for what it is asked for
        known[known.index("whole")] = "part"
        options = {"part" if name == "whole" else name: value for name, value in options.items()}
    if kind in READERS:
        known += (*FOR_TRAINING, DATASET_NAME)
    for option in options:
        if option not in known:
            offered = f"the options of {kind} are {', '.join(known)}" if known else f"{kind} takes no options"
            raise DatasetError(f"data '{spec}': unknown option '{option}': {offered}")
    if not Path(path).exists():
        raise DatasetError(f"data '{spec}': {path} does not exist")
    return kind, Path(path), {"whole" if name == "part" else name: value for name, value in options.items()}
