"""Soft-gated skip connections (FG 2020), Figures 3 to 5: what gates learn, and what they do to the features.

Figure 3 looks into one trained network. Figures 4 and 5 compare the network with gates and the one with plain
residual connections, both trained as rows of Table II.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from lab.reproduce.plots import save_figure
from lab.reproduce.result import Result, Row
from lab.reproduce.softgate import CHANNEL, PAPER, table2
from lab.reproduce.trainings import Arm, Setting, trained
from lab.reproduce.verdict import threshold
from leanpose.core.errors import ModelError
from leanpose.core.plotting import new_figure
from leanpose.datasets.readers import read_samples
from leanpose.models.softgate import GatedBlock
from leanpose.training.checkpoint import load_checkpoint
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import CropDataset, collate
from leanpose.training.trained import open_trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEAR_ZERO = 0.1  # Fig. 3: "contained in the interval [-0.1, 0.1]"
PEOPLE = 32
SHOWN = 6


@dataclass(frozen=True, eq=False)
class Features:
    """Values in one block for a batch of crops.

    Attributes:
        skip: what the gate multiplies.
        scaled: what it leaves of it.
        function: F(x), the concatenation of the three stages.
        output: their sum.
    """

    skip: np.ndarray
    scaled: np.ndarray
    function: np.ndarray
    output: np.ndarray


def figure3(setting: Setting) -> Result:
    """The distribution of alpha per block, from the bottom of the network to its top."""
    trained_net = open_trained(str(setting.checkpoint or "small"))
    name = f"{trained_net.card.name} ({trained_net.card.architecture})"
    gated = _gated(trained_net.network)
    alphas = {block: module.gate.alpha.detach().flatten().numpy() for block, module in gated.items()}
    if len({len(values) for values in alphas.values()}) == 1 and all(len(values) == 1 for values in alphas.values()):
        raise ModelError(f"{name}: its gates are fixed or scalar; Fig. 3 needs gates per channel")
    rows = [
        Row(
            block,
            {},
            {
                "mean": [float(values.mean())],
                "standard deviation": [float(values.std())],
                "% within ±0.1": [_share(values)],
            },
        )
        for block, values in alphas.items()
    ]
    everything = np.concatenate(list(alphas.values()))
    claim = threshold(
        "most values of α are clustered around 0, within [-0.1, 0.1]",
        _share(everything) > 50,
        f"{_share(everything):.0f} % of {len(everything)} values, {np.abs(everything).mean():.3f} their mean magnitude",
    )
    shown = _evenly(list(alphas))
    figure = _panels(len(shown), 1)
    for axes, block in zip(figure.axes, shown, strict=True):
        axes.hist(alphas[block], bins=40, range=(-1, 1), color="#33658a")
        axes.axvspan(-NEAR_ZERO, NEAR_ZERO, color="#f6ae2d", alpha=0.3, zorder=0)
        axes.set(title=block, xlabel="α", yticks=[])
    picture = save_figure(figure, setting.out, setting.name)
    notes = [
        f"Gates of {name}, {len(alphas)} blocks in forward order; the figure shows {len(shown)} of them, bottom to top."
    ]
    return Result(
        setting.name, "Distribution of the gates α per block", f"{PAPER}, Fig. 3", rows, [claim],
        {"command": setting.described()["command"]}, [picture], notes,
    )  # fmt: skip


def figure4(setting: Setting) -> Result:
    """Features at the output of the blocks: the plain residual connection against the gated one."""
    plain, gated = (_features(setting, arm) for arm in (table2.arms[0], CHANNEL))
    rows = [
        Row(
            block,
            {},
            {
                "correlation of output and F(x), plain": [_correlation(plain[block])],
                "correlation of output and F(x), gated": [_correlation(gated[block])],
            },
        )
        for block in plain
    ]
    medians = [float(np.median([_correlation(f) for f in features.values()])) for features in (plain, gated)]
    claim = threshold(
        "with the gate a block's output preserves what its residual function computes; without it the output is "
        "dominated by what came before",
        medians[1] > medians[0],
        f"median correlation of output and F(x) over blocks: {medians[0]:.2f} plain, {medians[1]:.2f} gated",
    )
    shown = _evenly(list(plain), 3)
    figure = _panels(len(shown), 2)
    for axes, (title, block, values) in zip(
        figure.axes,
        [(f"{kind}: {block}", block, f) for kind, f in (("plain", plain), ("gated", gated)) for block in shown],
        strict=True,
    ):
        _histograms(axes, {"F(x)": values[block].function, "output": values[block].output}, title)
    return _feature_result(setting, "Features at the output of the residual blocks", "Fig. 4", rows, claim, figure)


def figure5(setting: Setting) -> Result:
    """Features inside gated blocks: after the concatenation, and on the skip before and after scaling."""
    gated = _features(setting, CHANNEL)
    rows = [
        Row(
            block,
            {},
            {
                "standard deviation of F(x)": [float(f.function.std())],
                "of the skip before α": [float(f.skip.std())],
                "of the skip after α": [float(f.scaled.std())],
            },
        )
        for block, f in gated.items()
    ]
    kept = [float(f.scaled.std() / f.skip.std()) for f in gated.values()]
    claim = threshold(
        "after scaling by α most features of the skip connection are moved toward 0",
        float(np.median(kept)) < 0.5,
        f"median over blocks: {100 * np.median(kept):.0f} % of the skip's standard deviation is left",
    )
    shown = _evenly(list(gated), 2)
    figure = _panels(len(shown), 3)
    parts = [
        ("after concatenation", "function", "function"),
        ("skip before α", "skip", "skip"),
        ("skip after α", "scaled", "skip"),  # on the axis of what it was before
    ]
    panels = [(title, part, like, block) for title, part, like in parts for block in shown]
    for axes, (title, part, like, block) in zip(figure.axes, panels, strict=True):
        features = gated[block]
        _histograms(axes, {"": getattr(features, part)}, f"{block}: {title}", getattr(features, like))
    return _feature_result(setting, "Features inside the gated blocks", "Fig. 5", rows, claim, figure)


def _feature_result(setting: Setting, title: str, figure: str, rows, claim, drawn: "Figure") -> Result:
    notes = [
        f"{PEOPLE} people of the validation part through networks of Table II, seed 0; blocks in forward order.",
        "Gates start at 0 and have not moved far after a short training; softgate_fig3 looks at a longer one.",
    ]
    pictures = [save_figure(drawn, setting.out, setting.name)]
    described = setting.described(table2.base)
    return Result(setting.name, title, f"{PAPER}, {figure}", rows, [claim], described, pictures, notes)


def _features(setting: Setting, arm: Arm) -> dict[str, Features]:
    """Features by block of an arm trained under the budget, for the first people of the validation part."""
    checkpoint = load_checkpoint(trained(setting, arm, table2.base, 0))
    network, recipe, card = checkpoint.net.network, checkpoint.recipe, checkpoint.card
    dataset = CropDataset(read_samples(setting.data, "val")[:PEOPLE], recipe.input_hw, recipe.padding, Augmentation())
    images = collate([dataset[0, index] for index in range(len(dataset))])["images"].float()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (card.mean, card.std))
    return block_features(network, (images - mean) / std)


def block_features(network: nn.Module, crops: torch.Tensor) -> dict[str, Features]:
    """What flows through every gated block of a network, in forward order, for crops (B, 3, H, W)."""
    found: dict[str, Features] = {}
    halves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    handles = []
    for name, block in _gated(network).items():

        def keep_gate(_module, inputs, output, name=name) -> None:
            halves[name] = inputs[0].numpy(), output.numpy()

        def keep_block(_module, _inputs, output, name=name) -> None:
            skip, scaled = halves.pop(name)
            found[name] = Features(skip, scaled, output.numpy() - scaled, output.numpy())

        handles += [block.gate.register_forward_hook(keep_gate), block.register_forward_hook(keep_block)]
    try:
        with torch.inference_mode():
            network.eval()(crops)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _gated(network: nn.Module) -> dict[str, GatedBlock]:
    return {name: module for name, module in network.named_modules() if isinstance(module, GatedBlock)}


def _share(alphas: np.ndarray) -> float:
    return 100 * float((np.abs(alphas) <= NEAR_ZERO).mean())


def _correlation(features: Features) -> float:
    return float(np.corrcoef(features.function.ravel(), features.output.ravel())[0, 1])


def _evenly(blocks: list[str], count: int = SHOWN) -> list[str]:
    return [blocks[i] for i in np.linspace(0, len(blocks) - 1, min(count, len(blocks))).round().astype(int)]


def _panels(columns: int, rows: int) -> "Figure":
    figure = new_figure(3 * columns, 2.4 * rows)
    figure.subplots(rows, columns)
    return figure


def _histograms(axes: "Axes", values: dict[str, np.ndarray], title: str, like: np.ndarray | None = None) -> None:
    """Densities on one axis, which reaches as far as all values or, if given, as those of ``like``."""
    shown = values.values() if like is None else (like,)
    reach = max(float(np.quantile(np.abs(v), 0.995)) for v in shown) or 1.0
    for label, v in values.items():
        axes.hist(v.ravel(), bins=80, range=(-reach, reach), density=True, alpha=0.55, label=label)
    axes.set(title=title, yticks=[])
    axes.title.set_fontsize(8)
    if len(values) > 1:
        axes.legend(fontsize=7)
