"""The papers' tables, figures and claims, each as one command: ``leanpose reproduce NAME``."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from lab.reproduce.budget import Budget
from lab.reproduce.result import Result
from lab.reproduce.trainings import Setting
from leanpose.core.errors import RecipeError


@dataclass(frozen=True)
class Reproduction:
    """Something that a paper prints or claims.

    Attributes:
        about: in a line.
        run: does it.
        trains: whether it trains networks without ``--train``.
        measures: whether it measures on data without training.
        budget: of each training, if not told otherwise; chosen so that all of it ends within two hours on two cores.
        parts: whether ``--only`` chooses among its parts.
    """

    about: str
    run: Callable[[Setting], Result]
    trains: bool = False
    measures: bool = False
    budget: Budget = Budget()  # noqa: RUF009  frozen
    parts: bool = False


def _later(module: str, attribute: str) -> Callable[[Setting], Result]:
    """The table or function ``attribute`` of one of this package's modules, imported when it is run."""

    def run(setting: Setting) -> Result:
        found = getattr(import_module(f"{__name__}.{module}"), attribute)
        return (found.run if hasattr(found, "run") else found)(setting)

    return run


OURS = Budget(epochs=1, batches=250)

REPRODUCTIONS: dict[str, Reproduction] = {
    "softgate_table1": Reproduction("sizes and scores at medium speed, against CU-Net", _later("softgate", "table1")),
    "softgate_table2": Reproduction(
        "five gates on the skip connection", _later("softgate", "table2"), True, budget=Budget(seeds=3)
    ),
    "softgate_table3": Reproduction("sizes and scores at high speed, against CU-Net", _later("softgate", "table3")),
    "softgate_table4": Reproduction(
        "three merges of encoder and decoder", _later("softgate", "table4"), True, budget=Budget(seeds=2)
    ),
    "softgate_table5": Reproduction("the MPII test set (printed only)", _later("softgate", "table5")),
    "softgate_table6": Reproduction("the LSP test set", _later("softgate", "table6"), measures=True),
    "softgate_table7": Reproduction("parameters and scores on the MPII test set", _later("softgate", "table7")),
    "softgate_skips": Reproduction(
        "transforms on the long skip connections", _later("softgate", "skips"), True, budget=Budget(seeds=2)
    ),
    "softgate_fig3": Reproduction("distribution of the gates per block", _later("softgate_figures", "figure3")),
    "softgate_fig4": Reproduction(
        "features at the blocks' output with and without gates", _later("softgate_figures", "figure4"), True
    ),
    "softgate_fig5": Reproduction(
        "features before and after the gates", _later("softgate_figures", "figure5"), True
    ),
    "elhrnet_table2": Reproduction("sizes and scores on COCO val", _later("elhrnet", "table2")),
    "elhrnet_table3": Reproduction("sizes and scores on COCO test-dev", _later("elhrnet", "table3")),
    "elhrnet_table4": Reproduction("sizes and scores on MPII val", _later("elhrnet", "table4")),
    "elhrnet_blocks": Reproduction(
        "L and LA blocks against HRNet's own", _later("elhrnet", "blocks"), True, budget=Budget(people=0.25)
    ),
    "lpn_sizes": Reproduction("sizes of the three depths", _later("lpn", "sizes")),
    "lpn_attention": Reproduction(
        "GC, SE or no attention in the bottleneck", _later("lpn", "attention"), True, budget=Budget(people=0.5)
    ),
    "lpn_iterative": Reproduction(
        "rounds of training from the best before", _later("lpn_iterative", "iterative"), True
    ),
    "lpn_decoding": Reproduction(
        "beta-soft-argmax among decode methods", _later("decoding", "decode_ablation"), measures=True
    ),
    "lpn_speed": Reproduction("frames per second on this CPU", _later("lpn", "speed")),
    "sfm_sizes": Reproduction("size of the reconstruction", _later("sfm", "sizes")),
    "our_ablation": Reproduction(
        "what mattered in our recipe", _later("our_ablation", "ablation"), True, budget=OURS, parts=True
    ),
    "our_combination": Reproduction(
        "parts of the other papers in ours", _later("our_ablation", "combination"), True, budget=OURS, parts=True
    ),
    "our_confirmation": Reproduction(
        "our best four variants again", _later("our_ablation", "confirmation"), True,
        budget=Budget(epochs=4, seeds=1), parts=True,
    ),
    "sfm_parts": Reproduction("HSA and bridges on and off", _later("sfm", "parts"), True, budget=Budget(people=0.5)),
}  # fmt: skip


def reproduction_named(name: str) -> Reproduction:
    """The reproduction of that name.

    Raises:
        RecipeError: when there is none.
    """
    if name not in REPRODUCTIONS:
        raise RecipeError(f"unknown reproduction '{name}': use one of {', '.join(REPRODUCTIONS)}")
    return REPRODUCTIONS[name]
