"""What an evaluation reads: boxes to look into, and the labels that the answers are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leanpose.datasets.readers import FOR_TRAINING, READERS, Part, Sample, parse_spec, read_samples
from leanpose.datasets.readers.coco import coco_ground_truth
from leanpose.datasets.readers.coco_layout import LAYOUTS
from leanpose.datasets.readers.reasons import nobody
from leanpose.measure.protocols import Metric, are_detections, metric_for
from leanpose.pose.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Data:
    """People to evaluate, as :func:`leanpose.measure.evaluate` takes them.

    Attributes:
        samples: one box each, annotated or detected.
        people: the annotated people, where the samples are a detector's boxes.
        ground_truth: COCO annotations that AP is measured against, where the dataset has them.
    """

    samples: Sequence[Sample]
    people: Sequence[Sample] | None = None
    ground_truth: Mapping[str, Any] | None = None


def read_data(
    specs: Sequence[str], part: Part, metric: Metric | None, problems: list[str], skeleton: Skeleton | None = None
) -> Data:
    """The part of the datasets named by specs, as :func:`leanpose.datasets.readers.read_samples` takes them.

    One dataset in COCO's own format is measured against its file, with its crowds and people without joints; mapped
    to another skeleton, or together with others, against the labelled people alone.

    Args:
        metric: the figure; None for that of the datasets' benchmark.
        problems: receives a message for everything that is left out.
        skeleton: what all samples are mapped to.

    Raises:
        DatasetError: as :func:`leanpose.datasets.readers.read_samples`, and when nobody is there.
    """
    samples = read_samples(specs, part, skeleton, problems)
    if not samples:
        raise nobody("to evaluate", specs, (part,), problems)
    kind, path, options = parse_spec(specs[0])
    measured_by_file = len(specs) == 1 and kind in LAYOUTS and skeleton is None
    if not measured_by_file or (metric or metric_for(samples)) != "oks":
        return Data(samples)
    annotated = {name: value for name, value in options.items() if name not in ("boxes", *FOR_TRAINING)}
    people = READERS[kind](path, part, **annotated) if are_detections(samples) else None
    truth = coco_ground_truth(path, part, kind, problems=[], **annotated)  # type: ignore[arg-type]
    return Data(samples, people, _at_hand(truth, samples if people is None else people))


def _at_hand(truth: Mapping[str, Any], people: Sequence[Sample]) -> dict[str, Any]:
    """Annotations without those of images that are not at hand: none of their labelled people became a sample."""
    known = {person.image_id for person in people}
    absent = {
        annotation["image_id"]
        for annotation in truth["annotations"]
        if annotation["num_keypoints"] and not annotation["iscrowd"] and annotation["image_id"] not in known
    }
    return {
        **truth,
        "images": [image for image in truth["images"] if image["id"] not in absent],
        "annotations": [annotation for annotation in truth["annotations"] if annotation["image_id"] not in absent],
    }
