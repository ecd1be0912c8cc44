"""Groups of joints that figures are given for: the face, the limbs, head and neck."""

LIMB_JOINTS = ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
# ends of joints' names, without their sides
JOINT_GROUPS: dict[str, tuple[str, ...]] = {
    "face": ("nose", "eye", "ear"),
    "limbs": LIMB_JOINTS,
    "head and neck": ("neck", "head_top"),
}
