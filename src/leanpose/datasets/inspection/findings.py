"""What an inspection can find, how bad it is, and what it means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Grade = Literal["error", "warning", "note"]
GRADES: tuple[Grade, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Kind:
    """A kind of finding.

    Attributes:
        grade: ``"error"`` for what cannot be used or falsifies a measurement, ``"warning"`` for labels that are
            probably wrong, ``"note"`` for what one should know.
        title: in a few words, plural.
        meaning: how it is recognised and what to do.
    """

    grade: Grade
    title: str
    meaning: str


KINDS: dict[str, Kind] = {
    "left_out": Kind("error", "annotations left out", "The reader cannot use them; each line says why."),
    "broken_image": Kind(
        "error", "images that cannot be read", "Missing, damaged, cut off or no images: copy them again."
    ),
    "leak": Kind(
        "error",
        "images in two parts",
        "The same file, or files of the same bytes, both trained and measured on: take one of them out.",
    ),
    "off_image": Kind(
        "error", "people outside their image", "Not one labelled joint is in the image: wrong image, size or format."
    ),
    "scene_leak": Kind(
        "warning",
        "scenes in two parts",
        "Pictures of different parts that look nearly the same: copies at another size or crop, or shots of one "
        "moment. What is measured on them was partly seen in training.",
    ),
    "outside_image": Kind(
        "warning", "joints outside the image", "Labelled joints more than a pixel beyond the image's edge."
    ),
    "outside_box": Kind(
        "warning",
        "joints far outside the box",
        "Labelled joints further outside than a quarter of the box's longer side: joints of somebody else, or a wrong "
        "box.",
    ),
    "sides": Kind(
        "warning",
        "left and right suspected swapped",
        "Connecting left joints with right ones would make clearly shorter limbs, or a face that looks at the camera "
        "has its left eye on the wrong side. Crossed arms and legs exist: look before you change labels.",
    ),
    "long_limb": Kind(
        "warning", "implausible limbs", "A limb over 2.5 times longer than the person's other limbs let expect."
    ),
    "same_spot": Kind(
        "warning", "joints on one spot", "Three or more labelled joints at exactly the same place, such as 0, 0."
    ),
    "twin": Kind(
        "warning", "people labelled twice", "Two people of one image whose joints, or boxes, are nearly the same."
    ),
    "flip_pair": Kind(
        "warning",
        "flip pairs that do not match",
        "A mirror is said to swap these joints, but one lies clearly further from the middle of people than the other: "
        "check the order of the joints and the flip pairs.",
    ),
    "copy": Kind("warning", "images of the same bytes", "Files of one part with the same bytes count twice."),
    "near_copy": Kind("note", "nearly the same images", "Pictures of one part that look nearly the same."),
    "tiny": Kind("note", "very small people", "The box's longer side is under 20 pixels: little to learn from."),
    "odd_image": Kind(
        "note",
        "images of unusual size",
        "A side under 32 pixels, over 20 million pixels, or more than 4 times longer than wide: slow or of little use.",
    ),
    "unlabelled": Kind("note", "joints that are never labelled", "A network cannot learn them from this data."),
    "metadata": Kind("note", "what the labels do not say", "What has to be replaced by an assumption."),
}


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes:
        kind: a key of :data:`KINDS`.
        names: the people or images it is about, as messages call them.
        message: what is wrong, in words.
        severity: the larger the worse, comparable within a kind.
        people: numbers of the samples that show it.
    """

    kind: str
    names: tuple[str, ...]
    message: str
    severity: float = 0.0
    people: tuple[int, ...] = ()

    @property
    def grade(self) -> Grade:
        return KINDS[self.kind].grade

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "kind": self.kind,
            "grade": self.grade,
            "names": list(self.names),
            "message": self.message,
            "severity": round(float(self.severity), 4),
        }


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """By the order of :data:`KINDS`, which is by grade, and the worst first within a kind."""
    order = {kind: number for number, kind in enumerate(KINDS)}
    return sorted(findings, key=lambda f: (order[f.kind], -f.severity, f.names))


def by_kind(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Findings by kind, in their order; kinds without any are missing."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.kind, []).append(finding)
    return groups
