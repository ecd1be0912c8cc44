"""The rules by which labels and teachers' words are merged, and what comes of it.

Distances are in torsos (:func:`leanpose.datasets.merging.teachers.torsos`), of the teachers' places the longer one. Two
teachers agree on a joint where both are sure of it and their places are near each other; one alone agrees with itself
where it is sure.

Of each person first, by the joints of the body that the teachers agree on. A person of whom they are not sure, or on
whom they agree in too few joints, keeps all labels. Where the labels of the other side fit most of these joints, and
the labels themselves do not, the sides are exchanged. A person most of whose labels are then far from these joints is
somebody else, and keeps all labels as well.

Then of each joint of the body. A label near to teachers becomes the mean of it and them. One that is near to none is
overruled where two teachers agree, stays where no teacher is sure enough to deny it, and is taken away otherwise. A
joint without a label gets one where two teachers agree and are surer still. Joints of the face keep their labels, and
get one where they have none, by limits of their own. In trusted datasets all labels stay, and only joints that they do
not know at all get one.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from leanpose.pose.skeleton import Skeleton

Outcome = Literal["unlabelled", "untouched", "unsure", "both", "first", "second", "overruled", "dropped", "added"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
Verdict = Literal["merged", "no word", "unsure", "somebody else"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Rules:
    """Thresholds. Distances are in torsos; where there are two numbers, they are for the first word and the second.

    Their defaults are for BlazePose first and MoveNet Thunder second, whose confidences mean different things.

    Attributes:
        agree: distance within which two teachers agree on a joint of the body.
        agree_face: the same for a joint of the face that gets a label.
        sure: confidence from which a teacher is sure of a joint.
        deny: confidence with which one teacher alone has a label taken away that is near to none.
        add: confidence that both need to label a joint of the body that has no label.
        add_face: the same for a joint of the face.
        person: least confidence that somebody is there, of teachers who say so.
        fewest: joints that the teachers have to agree on.
        fewest_labels: of these, how many have to be labelled; of an exchange of sides, how many as ``fewest``.
        swap: distance within which labels fit, when sides are compared.
        swap_share: more than this share of the labels of the other side must fit for an exchange.
        stay_share: and less than this share of the labels themselves.
        other: distance beyond which a label is not of this person.
        other_share: more than this share of such labels is somebody else.
        near: distance within which a label and a teacher's place are one.
        reach: sides of the person's box, by the longer one, within which around it joints are added.
    """

    agree: float = 0.15
    agree_face: float = 0.1
    sure: tuple[float, ...] = (0.3, 0.2)
    deny: tuple[float, ...] = (0.3, 0.3)
    add: tuple[float, ...] = (0.5, 0.3)
    add_face: tuple[float, ...] = (0.5, 0.25)
    person: float = 0.7
    fewest: int = 4
    fewest_labels: int = 3
    swap: float = 0.25
    swap_share: float = 0.8
    stay_share: float = 0.5
    other: float = 0.3
    other_share: float = 0.5
    near: float = 0.2
    reach: float = 0.4


@dataclass(frozen=True, eq=False)
class Merged:
    """N people of K joints after the merge.

    Attributes:
        skeleton: names the K joints.
        keypoints: (N, K, 2) image pixels; NaN where not labelled.
        confidence: (N, K) from 0 to 1, how far they are to be believed: of a place that no label is part of the mean
            of the teachers' confidences, of a label that a teacher confirms at least that of the label.
        outcomes: (N, K) numbers in :data:`OUTCOMES`.
        verdicts: (N,) numbers in :data:`VERDICTS`.
        swapped: (N,) whether the sides were exchanged.
        away: (N, K) torsos from the label, after an exchange, to the mean of the teachers; NaN where one is missing.
    """

    skeleton: Skeleton
    keypoints: np.ndarray
    confidence: np.ndarray
    outcomes: np.ndarray
    verdicts: np.ndarray
    swapped: np.ndarray
    away: np.ndarray

    def __len__(self) -> int:
        return len(self.keypoints)

    def came_to(self, outcome: Outcome) -> np.ndarray:
        """(N, K) which joints had that outcome."""
        return self.outcomes == OUTCOMES.index(outcome)

    def were(self, verdict: Verdict) -> np.ndarray:
        """(N,) of which people that was the verdict."""
        return self.verdicts == VERDICTS.index(verdict)
