"""People, and networks that know exactly, or with stated doubts, where their joints are."""

from collections.abc import Callable

import numpy as np
import pytest

from leanpose.cleaning.support import Support
from leanpose.geometry import hull_box
from leanpose.readers import Sample
from leanpose.skeleton import LSP14

# Nobody's pose, but every two joints further apart than the torso of 30 pixels.
PLACES = np.array([(40 * (k % 4), 40 * (k // 4) + 7 * (k % 4)) for k in range(14)], dtype=float)
TORSO = 30.0


@pytest.fixture
def places() -> np.ndarray:
    """Where the joints are in truth."""
    return PLACES


@pytest.fixture
def person() -> Callable[..., Sample]:
    """Makes a person with joints at :data:`PLACES`, but for those given, and all labelled but for those given."""

    def make(
        name: str = "lspet/1.jpg", moved: dict[str, tuple[float, float]] | None = None, without: tuple[str, ...] = ()
    ):
        keypoints, labelled = PLACES.copy(), np.ones(14, dtype=bool)
        for joint, place in (moved or {}).items():
            keypoints[LSP14.index(joint)] = place
        for joint in without:
            labelled[LSP14.index(joint)] = False
        return Sample("lspet", name, b"", keypoints, labelled, hull_box(keypoints, labelled), LSP14)

    return make


@pytest.fixture
def witness() -> Callable[..., Support]:
    """Makes the support of a network that puts ``trust`` of each joint at its place, and ``doubt`` of it at the other
    side's, and everything else where no label is; by joint name the trust may differ."""

    def make(
        samples: list[Sample], trust: float = 0.97, doubt: float = 0.0, less: dict[str, float] | None = None
    ) -> Support:
        flip = LSP14.flip_permutation
        trusts = np.array([(less or {}).get(joint, trust) for joint in LSP14.joints])
        at = np.stack([sample.keypoints for sample in samples])
        known = np.stack([sample.labelled for sample in samples])

        def near(joints: np.ndarray) -> np.ndarray:
            """(N, K, K) whether a label lies at the place of each of the joints."""
            return np.linalg.norm(at[:, :, None] - PLACES[joints], axis=-1) < TORSO / 2

        shares = trusts * near(np.arange(14)) + np.where(flip == np.arange(14), 0, doubt) * near(flip)
        number = len(samples)
        return Support(
            np.where(known[:, :, None], shares, np.nan), np.tile(PLACES, (number, 1, 1)), np.tile(trusts, (number, 1)),
            np.full(number, TORSO),
        )  # fmt: skip

    return make
