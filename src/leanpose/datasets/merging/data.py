"""The people of a merge, with their labels as distributed and as corrected before."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample, parse_spec, read_people
from leanpose.datasets.readers.corrections import Correction, corrected, read_corrections
from leanpose.datasets.readers.reasons import nobody


@dataclass(frozen=True, eq=False)
class Data:
    """N people to train on.

    Attributes:
        distributed: as their datasets give them.
        samples: the same with the corrections that the datasets were named with.
        earlier: those corrections of each.
        trusted: (N,) whose labels stay.
        problems: a message for each annotation that was left out.
    """

    distributed: list[Sample]
    samples: list[Sample]
    earlier: list[list[Correction]]
    trusted: np.ndarray
    problems: list[str]


def read_data(data: Sequence[str], trusted: Sequence[str] = ()) -> Data:
    """The people to train on of ``KIND:PATH[,OPTION=VALUE...]`` datasets.

    Args:
        trusted: further datasets, whose labels stay.

    Raises:
        DatasetError: when one cannot be read, nobody is there, or two people have one name.
    """
    distributed: list[Sample] = []
    samples: list[Sample] = []
    earlier: list[list[Correction]] = []
    firm: list[bool] = []
    problems: list[str] = []
    for spec, is_trusted in [(spec, False) for spec in data] + [(spec, True) for spec in trusted]:
        kind, path, options = parse_spec(spec)
        file = options.pop("corrections", None)
        people = read_people(kind, path, "train", problems, options)
        known = {} if file is None else read_corrections(Path(file)).people
        distributed += people
        samples += people if file is None else corrected(people, Path(file))
        earlier += [known.get(person.name, (0, []))[1] for person in people]
        firm += [is_trusted] * len(people)
    if not samples:
        raise nobody("to merge", [*data, *trusted], ("train",), problems)
    names = [sample.name for sample in samples]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DatasetError(f"{twice} is there twice: name each dataset once, or merge them into files of their own")
    return Data(distributed, samples, earlier, np.array(firm), problems)
