"""SFM with HSA (FG 2021), known from its abstract alone: the reconstruction's parts, switched on and off."""

from lab.reproduce.ablation import Ablation
from lab.reproduce.sizes import SizeTable
from lab.reproduce.trainings import Arm
from leanpose.training.recipes import ablation_lsp

PAPER = "Ren et al., Efficient human pose estimation by maximizing fusion and high-level spatial attention, FG 2021"
_RECONSTRUCTION = (
    "The network is this project's reconstruction from the abstract: what it shows says little of the paper's own."
)

sizes = SizeTable(
    "Size of the reconstruction",
    f"{PAPER}, abstract",
    [("SFM, basic blocks", "sfm_basic72"), ("SFM, bottlenecks", "sfm_bottleneck144")],
    "COCO val AP",
    (256, 192),
    ablation_lsp(),
    [_RECONSTRUCTION],
)

parts = Ablation(
    "HSA and the bridges between the pyramids",
    f"{PAPER}, abstract",
    ablation_lsp(),
    [
        Arm("sfm_full", "SFM", "sfm_basic72"),
        Arm("sfm_no_hsa", "without HSA", "sfm_basic72", {"attention": False}),
        Arm("sfm_no_bridges", "without bridges", "sfm_basic72", {"bridges": False}),
        Arm("sfm_neither", "without both", "sfm_basic72", {"attention": False, "bridges": False}),
    ],
    [
        ("sfm_full", "sfm_no_hsa", "HSA helps"),
        ("sfm_full", "sfm_no_bridges", "bridges between the pyramids help"),
    ],
    [_RECONSTRUCTION],
)
