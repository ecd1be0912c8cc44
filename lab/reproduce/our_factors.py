"""What our ablation varies, as data: factors, each with the variants of it, one step away from a common baseline.

A training from nothing under a small budget says little about what pays late: augmentation, averaging, label noise.
What leaves the network loadable is therefore varied in a training that goes on from a common trained network, with a
fresh schedule; what does not is trained from nothing and compared with a baseline from nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lab.reproduce.trainings import Arm
from leanpose.training.recipes import Recipe, recipe_named

Start = Literal["trained", "nothing"]

STRONG = recipe_named("fast_lsp").augmentation


def base_recipe(start: Start) -> Recipe:
    """The recipe of the packaged family's LSP training, its narrowest network, and averaging that fits few steps."""
    return replace(
        recipe_named("fast_lsp"), name="ablation_of_ours", model="softgate_1x64_fast", early_input_hw=None,
        early_share=0.0, warmup_epochs=0.1, ema=0.99, lr=1e-3 if start == "trained" else 3e-3,
    )  # fmt: skip


@dataclass(frozen=True)
class Factor:
    """One thing that is varied.

    Attributes:
        name: for ``--only``.
        label: of its rows.
        fields: of the recipe, the only ones in which a variant differs from its baseline; ``augmentation.rotation``
            names one inside.
        variants: of it.
        start: from the common trained network, or from nothing.
        against: slug of the variant to compare with, where that is not the baseline of ``start``.
        decodes: decode methods that read the baseline's heatmaps; needs no training.
        trusted_only: judge on the people of datasets with a validation part alone: the others' labels were seen by
            what the variants learn from.
        timed: whether the variants take another time per image.
    """

    name: str
    label: str
    fields: frozenset[str]
    variants: Sequence[Arm] = ()
    start: Start = "trained"
    against: str = ""
    decodes: Sequence[str] = ()
    trusted_only: bool = False
    timed: bool = False


@dataclass(frozen=True)
class Study:
    """Factors that share baselines.

    Attributes:
        title: of the page.
        factors: in the order in which they are trained.
        notes: for the page.
    """

    title: str
    factors: Sequence[Factor]
    notes: Sequence[str] = field(default_factory=tuple)


# Budgets that a training from nothing takes: after one it has learned too little to compare.
FROM_NOTHING = 2

BASELINES: dict[Start, Arm] = {
    "trained": Arm("base", "baseline, from the trained network"),
    "nothing": Arm("base0", "baseline, from nothing", length=FROM_NOTHING),
}
# The baseline once more with other seeds: how far apart two trainings of the same are.
REPEATS: dict[Start, Sequence[Arm]] = {
    "trained": [Arm("base_again", "baseline, another seed", changes={"seed": 1})],
    "nothing": [Arm("base0_again", "baseline, another seed", changes={"seed": 1}, length=FROM_NOTHING)],
}


def _augmented(slug: str, label: str, **values: float) -> Arm:
    return Arm(slug, label, changes={"augmentation": replace(STRONG, **values)})


def _network(slug: str, label: str, model: str = "", **args: Any) -> Arm:
    return Arm(slug, label, model, args)


def _new_network(slug: str, label: str, model: str = "", **args: Any) -> Arm:
    return Arm(slug, label, model, args, length=FROM_NOTHING)


def _changed(slug: str, label: str, length: int = 1, **changes: Any) -> Arm:
    return Arm(slug, label, changes=changes, length=length)


def _fields(*names: str) -> frozenset[str]:
    return frozenset(names)


_TEACHER: Mapping[str, Any] = {"teacher": "small", "teacher_weight": 0.5}

RECIPE_FACTORS = [
    Factor(
        "rotation", "rotation", _fields("augmentation.rotation", "augmentation.upside_down"),
        [
            _augmented("rotation_none", "none", rotation=0, upside_down=0),
            _augmented("rotation_20", "20°, never upside down", rotation=20, upside_down=0),
            _augmented("rotation_60", "60°, 20 % over the full circle", rotation=60, upside_down=0.2),
        ],
    ),
    Factor(
        "occlusion", "occlusion by a rectangle", _fields("augmentation.occlusion"),
        [_augmented("occlusion_none", "none", occlusion=0), _augmented("occlusion_80", "80 %", occlusion=0.8)],
    ),
    Factor(
        "mosaic", "mosaic of four crops", _fields("augmentation.mosaic"),
        [_augmented("mosaic_25", "25 %", mosaic=0.25)],
    ),
    Factor(
        "schedule", "schedule", _fields("epochs"),
        [_changed("schedule_2x", "twice as long", 2), _changed("schedule_4x", "four times as long", 4)],
    ),
    Factor(
        "targets", "targets", _fields("round_targets"),
        [_changed("targets_rounded", "rounded to cells", round_targets=True)],
    ),
    Factor("decode", "decode", _fields(), decodes=["argmax", "quarter", "soft", "beta", "lpn"]),
    Factor(
        "ema", "averaged weights", _fields("ema"),
        [_changed("ema_off", "off", ema=0.0), _changed("ema_995", "twice the memory", ema=0.995)],
    ),
    Factor(
        "teacher", "distillation", _fields("teacher", "teacher_weight", "teach_unlabelled"),
        [
            _changed("teacher_small", "from the packaged small", **_TEACHER),
            _changed("teacher_unlabelled", "also of unlabelled joints", **_TEACHER, teach_unlabelled=True),
        ],
        trusted_only=True,
    ),
    Factor(
        "cleaning", "labels of LSP-extended", _fields(),
        [Arm("cleaning", "corrected (`--data lspet:DIR,corrections=FILE`)", corrected=True)],
    ),
    Factor(
        "scale", "scale", _fields("augmentation.scale"),
        [_augmented("scale_none", "none", scale=0), _augmented("scale_45", "0.45", scale=0.45)],
    ),
    Factor(
        "light", "colour, grey, dark, soft",
        _fields("augmentation.colour", "augmentation.grey", "augmentation.darken", "augmentation.soften"),
        [_augmented("light_none", "none", colour=0, grey=0, darken=0, soften=0)],
    ),
    Factor("loss", "loss", _fields("loss"), [_changed("loss_mse", "MSE", FROM_NOTHING, loss="mse")], start="nothing"),
    Factor(
        "gates", "gates", _fields("model_args"),
        [_new_network("gates_one", "identity (α = 1)", gate=1.0), _new_network("gates_none", "none (α = 0)", gate=0.0)],
        start="nothing",
    ),
    Factor(
        "width", "width", _fields("model_args"),
        [_new_network("width_48", "48", width=48), _new_network("width_96", "96", width=96)],
        start="nothing", timed=True,
    ),
    Factor(
        "family", "family, at the nearest size", _fields("model", "model_args"),
        [
            _new_network("family_paper", "soft-gated, the paper's order", "softgate_1x64"),
            _new_network("family_sfm", "SFM, 36 channels", "sfm_basic72", width=36),
            _new_network("family_elhrnet", "EL-HRNet, 8 channels", "elhrnet_w32_la_r8", width=8),
            _new_network("family_lpn", "LPN, one block a stage", "lpn_50", depths=(1, 1, 1, 1), init="default"),
        ],
        start="nothing", timed=True,
    ),
    Factor(
        "stacks", "stacks", _fields("model_args"), [_network("stacks_2", "2, the second a copy", stacks=2)], timed=True
    ),
    Factor(
        "resolution", "resolution", _fields("input_hw"),
        [
            _changed("resolution_64", "64 px", input_hw=(64, 64)),
            _changed("resolution_192", "192 px", input_hw=(192, 192)),
        ],
        timed=True,
    ),
]  # fmt: skip

COMBINATION_FACTORS = [
    Factor(
        "context", "context block, inserted as the identity", _fields("model", "model_args"),
        [
            _network(f"context_{context}_{where}", f"{label}, {place}", f"softgate_1x64_{context}", where=where)
            for context, label in (("hsa", "HSA"), ("cbam", "CBAM"), ("gc", "GC"))
            for where, place in (("bottleneck", "at the bottleneck"), ("every", "in every block"))
        ],
        timed=True,
    ),
    Factor(
        "decoder", "decoder", _fields("model", "model_args"),
        [
            _new_network("decoder_lpn", "LPN's transposed convolutions", "softgate_1x64_deconv"),
            _new_network("decoder_lpn_96", "the same, 96 wide", "softgate_1x64_deconv", width=96),
        ],
        start="nothing", timed=True,
    ),
    Factor(
        "iterative", "two rounds against one of the double length", _fields("epochs", "rounds"),
        [_changed("rounds_2", "two rounds", rounds=2)], against="schedule_2x",
    ),
]  # fmt: skip

ABLATION = Study(
    "What mattered in our recipe, one factor at a time",
    RECIPE_FACTORS,
    [
        "Not varied here: 96 or 160 px, because the network halves its input six times.",
        f"A training from nothing (loss, gates, width, family) takes {FROM_NOTHING} budgets, as its baseline does.",
        "Distillation is judged on LSP alone, because the teacher learned from the labels of LSP-extended; it sees "
        "the crops of 128 px enlarged to its own input.",
        "A training at 192 or 64 px goes on from a network of 128 px, which favours 128.",
    ],
)
COMBINATION = Study(
    "Parts of the other papers in the soft-gated network",
    COMBINATION_FACTORS,
    [
        f"The decoder, from nothing, takes {FROM_NOTHING} budgets, as its baseline does.",
        "Beta-soft-argmax stands among the decode methods of our_ablation, and in lpn_decoding.",
    ],
)
