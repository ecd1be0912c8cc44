"""Soft-gated skip connections (FG 2020): Tables I to VII and the skip transforms of section III-B."""

from pathlib import Path

from lab.reproduce.ablation import Ablation
from lab.reproduce.result import Result, Row
from lab.reproduce.sizes import SizeTable
from lab.reproduce.trainings import Arm, Setting
from leanpose.training.recipes import ablation_lsp

LSP_ALONE = Path(__file__).parents[2] / "weights" / "small_lsp.onnx"
PAPER = "Bulat et al., Toward fast and accurate human pose estimation via soft-gated skip connections, FG 2020"
VAL, TEST = "MPII val PCKh@0.5", "MPII test PCKh@0.5"
CHANNEL = Arm("gate_channel", "α in R^N, learnable", published={VAL: 88.0})

table1 = SizeTable(
    "Medium speed regime: sizes against CU-Net",
    f"{PAPER}, Table I",
    [
        ("CU-Net, 4", "cunet_4x128_g32"),
        ("Ours, 3.4 M, as 2 stacks of 128", "softgate_2x128"),
        ("Ours, 3.4 M, as 4 stacks", "softgate_4x92"),
        ("CU-Net, 8", "cunet_8x128_g32"),
        ("Ours, 8.5 M", "softgate_4x144"),
    ],
    VAL,
    (256, 256),
    ablation_lsp(),
    ["The 3.4 M row is printed with 4 stacks here and with 2 stacks of 128 in Table IV; both readings are counted."],
)

table3 = SizeTable(
    "High speed regime: sizes against CU-Net",
    f"{PAPER}, Table III",
    [
        pair
        for size, ours, theirs in (
            ("0.5M", "softgate_1x68", "cunet_2x64_g16"),
            ("1.0M", "softgate_2x68", "cunet_2x144_g8"),
            ("1.4M", "softgate_2x80", "cunet_2x124_g24"),
            ("1.9M", "softgate_2x96", "cunet_2x128_g32"),
            ("2.4M", "softgate_2x108", "cunet_2x160_g32"),
            ("2.9M", "softgate_2x120", "cunet_2x172_g36"),
        )
        for pair in ((f"Ours, {size}", ours), (f"CU-Net, {size}", theirs))
    ],
    VAL,
    (256, 256),
    ablation_lsp(),
    ["The paper prints no widths: ours are those that fit parameters and operations best."],
)

table2 = Ablation(
    "What multiplies the skip connection: five gates",
    f"{PAPER}, Table II",
    ablation_lsp(),
    [
        Arm("gate_identity", "baseline (α = 1)", model_args={"gate": 1.0}, published={VAL: 87.0}),
        Arm("gate_0.5", "α = 0.5", model_args={"gate": 0.5}, published={VAL: 87.4}),
        Arm("gate_0.1", "α = 0.1", model_args={"gate": 0.1}, published={VAL: 87.5}),
        Arm("gate_scalar", "α in R^1, learnable", model_args={"gate": "scalar"}, published={VAL: 87.6}),
        CHANNEL,
    ],
    [
        ("gate_channel", "gate_identity", "a learnable α per channel beats the plain residual connection"),
        ("gate_channel", "gate_scalar", "a learnable α per channel beats a single one"),
        ("gate_channel", "gate_0.1", "a learnable α per channel beats a fixed 0.1"),
        ("gate_0.5", "gate_identity", "α = 0.5 beats the plain residual connection"),
        ("gate_0.1", "gate_0.5", "α = 0.1 beats 0.5"),
        ("gate_scalar", "gate_0.1", "a learnable scalar beats a fixed 0.1"),
    ],
)

table4 = Ablation(
    "How encoder and decoder features meet: three merges",
    f"{PAPER}, Table IV",
    ablation_lsp(),
    [
        Arm(
            "merge_sum",
            "baseline: sum, residual block on the skip (Fig. 2a)",
            model_args={"merge": "sum", "skip": "residual"},
            published={VAL: 87.5},
        ),
        Arm("gate_channel", "concatenation (Fig. 2b)", published={VAL: 88.0}),
        Arm(
            "merge_grouped",
            "concatenation, grouped (Fig. 2c)",
            model_args={"merge": "concat_grouped"},
            published={VAL: 87.8},
        ),
    ],
    [
        ("gate_channel", "merge_sum", "concatenation beats the sum"),
        ("gate_channel", "merge_grouped", "joint concatenation beats the grouped one"),
        ("merge_grouped", "merge_sum", "grouped concatenation beats the sum"),
    ],
    ["All rows have the same width, so that their parameters differ; the paper keeps them 'approx. 3.4M'."],
)

skips = Ablation(
    "What stands on the long skip connections",
    f"{PAPER}, section III-B",
    ablation_lsp(),
    [
        Arm("gate_channel", "BatchNorm, ReLU, 1x1"),
        Arm("skip_bn_relu_conv3", "BatchNorm, ReLU, 3x3", model_args={"skip": "bn_relu_conv3"}),
        Arm("skip_conv1", "1x1", model_args={"skip": "conv1"}),
        Arm("skip_identity", "identity", model_args={"skip": "identity"}),
    ],
    [
        ("skip_bn_relu_conv3", "gate_channel", "a 3x3 skip beats the 1x1 (the paper: no noticeable difference)"),
        ("gate_channel", "skip_conv1", "BatchNorm and ReLU help the 1x1 skip (the paper: no noticeable difference)"),
    ],
    ["The paper claims that these make no difference: an interval that holds 0 is in line with it, and no proof."],
)

table7 = SizeTable(
    "Parameters and accuracy on the MPII test set",
    f"{PAPER}, Table VII",
    [("Newell et al. [23]", "hourglass_8"), ("Tang et al. [35]", "cunet_8x128_g32"), ("Ours", "softgate_4x144")],
    TEST,
    (256, 256),
    ablation_lsp(),
    [
        "The other columns of the table (Yang 28 M 92.0, Wei 29.7 M 88.5, Bulat and Tzimiropoulos 58.1 M 89.7, Chu "
        "58.1 M 91.5) are networks that this project does not build.",
        "The labels of the MPII test set are withheld: its scores come from a server.",
    ],
)

_JOINTS = ("head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "mean")


def _printed(*scores: float) -> dict[str, float]:
    return dict(zip(_JOINTS, scores, strict=True))


def table5(setting: Setting) -> Result:
    """MPII test: printed only, because its labels are withheld."""
    withheld = "the labels of the MPII test set are withheld"
    rows = [
        Row("Newell et al.", _printed(98.2, 96.3, 91.2, 87.1, 90.1, 87.4, 83.6, 90.9), missing=withheld),
        Row("Tang et al., ECCV'18", _printed(98.4, 96.9, 92.6, 88.7, 91.8, 89.4, 86.2, 92.3), missing=withheld),
        Row("Sun et al., CVPR'19", _printed(98.6, 96.9, 92.8, 89.0, 91.5, 89.0, 85.7, 92.3), missing=withheld),
        Row("Ours (small)", _printed(98.5, 96.4, 91.5, 87.2, 90.7, 86.9, 83.6, 91.1), missing=withheld),
        Row("Ours", _printed(98.6, 97.0, 93.0, 89.2, 91.7, 88.9, 86.0, 92.4), missing=withheld),
        Row("Ours, pre-trained on HSSK", _printed(98.8, 97.5, 94.4, 91.2, 93.2, 92.2, 89.3, 94.1), missing=withheld),
    ]
    note = "Train with `leanpose train softgate_mpii`; `leanpose evaluate --submission` writes what the server takes."
    return Result(
        setting.name, "PCKh on the MPII test set", f"{PAPER}, Table V", rows, setting=setting.described(), notes=[note]
    )


def table6(setting: Setting) -> Result:
    """LSP test: the printed rows, and our network that has seen LSP and LSP-extended alone."""
    from leanpose.datasets.readers import read_samples
    from leanpose.estimate.estimator import PoseEstimator
    from leanpose.measure import evaluate

    model = str(setting.checkpoint or LSP_ALONE)
    estimator = PoseEstimator(model, flip_test=True)
    evaluation = evaluate(estimator, read_samples(setting.data, "test"))
    measured = {**evaluation.to_dict()["groups"], "mean": evaluation.mean}
    other = "a network that this project does not build"
    no_mpii = "is pre-trained on MPII, or uses more data than LSP and LSP-extended"
    rows = [
        Row("Rafi et al., BMVC'16", _printed(95.8, 86.2, 79.3, 75.0, 86.6, 83.8, 79.8, 83.8), missing=other),
        Row("Yu et al., ECCV'16", _printed(87.2, 88.2, 82.4, 76.3, 91.4, 85.8, 78.7, 84.3), missing=other),
        Row(
            "Belagiannis and Zisserman, FG'17",
            _printed(95.2, 89.0, 81.5, 77.0, 83.7, 87.0, 82.8, 85.2),
            missing=other,
        ),
        Row(
            "Bulat and Tzimiropoulos, ECCV'16",
            _printed(97.2, 92.1, 88.1, 85.2, 92.2, 91.4, 88.7, 90.7),
            missing=no_mpii,
        ),
        Row(
            "Ours (26 M, pre-trained on MPII)",
            _printed(98.7, 95.7, 93.1, 90.3, 95.8, 95.6, 94.8, 94.8),
            missing=no_mpii,
        ),
        Row(
            f"this project's {estimator.card.name} ({estimator.card.architecture}; trained on "
            f"{', '.join(source.name for source in estimator.card.data)})",
            {},
            {k: [v] for k, v in measured.items()},
        ),
    ]
    notes = [
        f"Measured with {evaluation.protocol}.",
        "The printed network is 15 times larger and pre-trained on MPII, which is not at hand: the gap is no verdict.",
    ]
    return Result(
        setting.name,
        "PCK@0.2 on the LSP test set",
        f"{PAPER}, Table VI",
        rows,
        setting=setting.described(),
        notes=notes,
    )
