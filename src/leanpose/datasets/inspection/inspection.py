"""Look through a dataset: count, and find what is wrong with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leanpose.core.errors import DatasetError
from leanpose.datasets.inspection.duplicates import find_duplicates
from leanpose.datasets.inspection.findings import GRADES, KINDS, Finding, sort_findings
from leanpose.datasets.inspection.images import find_image_faults, measure_all
from leanpose.datasets.inspection.labels import find_coincident, find_misplaced, find_small
from leanpose.datasets.inspection.limbs import find_long_limbs, find_unlike_pairs
from leanpose.datasets.inspection.people import People, gather
from leanpose.datasets.inspection.sides import find_swapped_sides
from leanpose.datasets.inspection.statistics import statistics
from leanpose.datasets.inspection.twins import find_twins
from leanpose.datasets.readers import PARTS, Part, Sample, read_samples
from leanpose.datasets.readers.reasons import nobody
from leanpose.pose.skeleton import Skeleton

SCHEMA = "leanpose.datasets.inspection/1"
IMAGES = 20_000  # opened if not said otherwise: some minutes

Progress = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, eq=False)
class Inspection:
    """What an inspection says.

    Attributes:
        people: who was looked at.
        statistics: plain data, as of :func:`leanpose.datasets.inspection.statistics.statistics`.
        findings: by kind, the errors first, the worst first within a kind.
    """

    people: People
    statistics: dict[str, Any]
    findings: list[Finding]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.grade == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        grades = [finding.grade for finding in self.findings]
        return {
            "schema": SCHEMA,
            **self.statistics,
            "grades": {grade: grades.count(grade) for grade in GRADES},
            "kinds": {kind: vars(described) for kind, described in KINDS.items()},
            "findings": [finding.to_dict() for finding in self.findings],
        }


def inspect_data(
    specs: Sequence[str],
    part: Part | None = None,
    skeleton: Skeleton | None = None,
    images: int = IMAGES,
    progress: Progress | None = None,
) -> Inspection:
    """Read datasets and inspect them.

    Args:
        specs: ``KIND:PATH[,OPTION=VALUE...]``.
        part: one part, or all of them. Only of several parts leaks between them can be found.
        skeleton: what all people are mapped to, by joint name.
        images: most that are opened; of more, a random choice.
        progress: wraps the batches of images, to show how far it is.

    Raises:
        DatasetError: when the data cannot be read, or there is nobody in it; then with the reasons, counted.
    """
    problems: list[str] = []
    samples: dict[Part, list[Sample]] = {}
    failed: list[DatasetError] = []
    parts = PARTS if part is None else (part,)
    for name in parts:
        try:
            samples[name] = read_samples(specs, name, skeleton, problems)
        except DatasetError as error:
            failed.append(error)
    if failed and not any(samples.values()):
        raise failed[0]
    if not any(samples.values()):
        raise nobody("to inspect", specs, parts, problems)
    # a file that serves several parts is read for each and complains each time
    return inspect_samples(samples, [*map(str, failed), *dict.fromkeys(problems)], images, progress)


def inspect_samples(
    samples: Mapping[Part, Sequence[Sample]],
    problems: Sequence[str] = (),
    images: int = IMAGES,
    progress: Progress | None = None,
) -> Inspection:
    """Inspect people that are read already.

    Args:
        samples: by part.
        problems: a message for each annotation that the readers left out.
        images: most that are opened; of more, a random choice.
        progress: wraps the batches of images, to show how far it is.

    Raises:
        DatasetError: when there is nobody, or their skeletons differ.
    """
    people = gather(samples)
    facts = measure_all(people.images, images, progress)
    findings = [
        *(Finding("left_out", (), problem) for problem in problems),
        *find_image_faults(people.images, facts),
        *find_duplicates(people.images, facts),
        *find_misplaced(people, facts),
        *find_coincident(people),
        *find_small(people),
        *find_swapped_sides(people),
        *find_long_limbs(people),
        *find_unlike_pairs(people),
        *find_twins(people),
        *_not_said(people),
    ]
    return Inspection(people, statistics(people, facts), sort_findings(findings))


def _not_said(people: People) -> Iterator[Finding]:
    skeleton = people.skeleton
    counts = people.labelled.sum(axis=0).tolist()
    for joint, count in zip(skeleton.joints, counts, strict=True):
        if not count:
            yield Finding("unlabelled", (joint,), "labelled on nobody")
    if not skeleton.flippable:
        message = "which joints a mirror swaps is not known: no flips in training, no flip test, no check of sides"
        yield Finding("metadata", (skeleton.name,), message)
    if skeleton.sigmas is None:
        message = "no sigmas: OKS takes COCO's by joint name, and 0.079 for joints that COCO lacks"
        yield Finding("metadata", (skeleton.name,), message)
    without = sum(sample.area is None for sample in people.samples)
    if without:
        message = f"no area of {without} of {len(people)} people: OKS takes 0.53 of their box"
        yield Finding("metadata", (skeleton.name,), message)
