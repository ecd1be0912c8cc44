"""The constants of OKS for skeletons that come without."""

import numpy as np

from leanpose.pose.skeleton import COCO17, Skeleton

OTHER_JOINTS = 0.079  # CrowdPose's for head top and neck


def oks_sigmas(skeleton: Skeleton) -> tuple[np.ndarray, str]:
    """Sigmas (K,) of a skeleton, and where they come from, in words.

    A skeleton without its own takes COCO's by joint name, and CrowdPose's of head and neck for what COCO lacks.
    """
    if skeleton.sigmas is not None:
        return np.array(skeleton.sigmas), f"sigmas of {skeleton.name}"
    of_coco = dict(zip(COCO17.joints, COCO17.sigmas or (), strict=True))
    lacking = sum(joint not in of_coco for joint in skeleton.joints)
    words = "sigmas of coco17 by name" + (f"; {OTHER_JOINTS} for {lacking} joints" if lacking else "")
    return np.array([of_coco.get(joint, OTHER_JOINTS) for joint in skeleton.joints]), words
