"""Training checkpoints as models: the network with its answer in the form that every engine returns."""

import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from leanpose.core.errors import LeanposeError, ModelError
from leanpose.core.files import write_whole
from leanpose.engines.card import DataSource, ModelCard, file_sha256
from leanpose.engines.detector_card import DetectorCard
from leanpose.models import create_model
from leanpose.models.complexity import complexity
from leanpose.models.softgate import SoftGatedNet
from leanpose.pose.skeleton import Skeleton, stored_skeleton
from leanpose.training.data.targets import probability_heatmaps
from leanpose.training.progress import Progress
from leanpose.training.recipes import Recipe

PHOTOGRAPHERS = "pictures belong to their photographers (Flickr); research use"
BY_TEACHERS = f"labels by MoveNet Thunder and BlazePose heavy, both Apache-2.0; {PHOTOGRAPHERS}"
TERMS = {
    "lsp": DataSource("Leeds Sports Pose", PHOTOGRAPHERS),
    "lspet": DataSource("LSP-extended", PHOTOGRAPHERS),
    "coco": DataSource("COCO", "annotations CC BY 4.0; " + PHOTOGRAPHERS),
    # pictures that MoveNet Thunder and BlazePose heavy labelled (docs/training.md)
    "actions": DataSource("Stanford 40 Actions, pictures", BY_TEACHERS),
    "har": DataSource("Human Action Recognition, pictures", BY_TEACHERS),
    "flickr": DataSource("Flickr8k, 1,000 pictures", BY_TEACHERS),
    "fashion": DataSource("Clothing Co-Parsing, pictures", BY_TEACHERS),
    "market": DataSource("shops and streets of Vietnam, 1,000 pictures", BY_TEACHERS),
    "animals": DataSource("Animal-Pose, pictures with people", BY_TEACHERS),
    "sports": DataSource("100 sports classification, 2,411 pictures", BY_TEACHERS),
}
SomeCard = TypeVar("SomeCard", ModelCard, DetectorCard)
LICENSE = "Apache-2.0 for the code; weights under the terms of the images they were trained on"


class AnsweringNet(nn.Module):
    """A network that returns only its answer, the last stage, with an ideal peak of 1 whatever its loss was.

    Input (B, 3, H, W), normalised; output (B, J, H/stride, W/stride).
    """

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self.softmax_sigma = recipe.sigma if recipe.loss == "cross_entropy" else None

    def forward(self, images: Tensor) -> Tensor:
        heatmaps = self.network(images)[-1]
        if self.softmax_sigma is None:
            return heatmaps
        return probability_heatmaps(heatmaps, self.softmax_sigma)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network and what is known about it; the card's hash is that of the checkpoint file."""

    net: AnsweringNet
    recipe: Recipe
    card: ModelCard


@dataclass(frozen=True, eq=False)
class Stored:
    """What a checkpoint file of ``leanpose train`` holds, without a network around it.

    ``skeleton`` is None for a detector's; ``epoch`` is that in which it was written, from 0; ``ended`` says that the
    training ended before its last epoch, because validation no longer improved.
    """

    recipe: Recipe
    skeleton: Skeleton | None
    datasets: list[str]
    epoch: int
    weights: dict[str, Tensor]
    progress: Progress
    ended: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        if self.progress.budget is not None:
            return self.ended or self.progress.ended
        return self.ended or self.progress.epochs >= self.recipe.epochs

    @property
    def epochs(self) -> float:
        """How many were trained, as cards have it: a fraction where the last was not whole."""
        rounded = round(self.progress.epochs, 2)
        return int(rounded) if rounded == int(rounded) else rounded

    @property
    def network_weights(self) -> dict[str, Tensor]:
        """Weights of the network alone, by its own names."""
        return {k.removeprefix("model."): v for k, v in self.weights.items() if k.startswith("model.")}


def read_checkpoint(path: Path) -> Stored:
    """Read a checkpoint file: plain tensors and data only (``weights_only=True``), with no fallback.

    Raises:
        ModelError: when the file is missing or is no checkpoint of leanpose.
    """
    try:
        _check_whole(path)
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        parameters = content["hyper_parameters"]
        recipe = Recipe.from_dict(parameters["recipe"])
        epoch, callbacks = content["epoch"], content.get("callbacks", {})
        # checkpoints of earlier versions were written at the ends of epochs alone
        clock = callbacks.get("TrainingClock", {"epochs": epoch + 1.0, "epoch": epoch + 1})
        return Stored(
            recipe,
            stored_skeleton(parameters["skeleton"]) if recipe.task == "pose" else None,
            parameters["datasets"],
            epoch,
            content["state_dict"],
            Progress(**clock),
            any(state.get("stopped_epoch") for state in callbacks.values()),
        )
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such checkpoint") from error
    except (
        OSError, EOFError, RuntimeError, LookupError, TypeError, ValueError, AssertionError, AttributeError,
        UnpicklingError, zipfile.BadZipFile, zlib.error, LeanposeError,
    ) as error:  # fmt: skip
        raise ModelError(f"{path}: not a checkpoint of 'leanpose train': {error}") from error


def _check_whole(path: Path) -> None:
    """Refuses damage by the file's checksums, which torch does not look at."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as content:
        damaged = content.testzip()
    if damaged is not None:
        raise ModelError(f"damaged in {damaged}")


def load_checkpoint(path: Path, model: str | None = None, input_hw: tuple[int, int] | None = None) -> Checkpoint:
    """Load a checkpoint written by ``leanpose train``: the averaged weights where the recipe averages.

    Args:
        model: registry name of a soft-gated network with fewer stacks than the trained one: its first stacks, which
            were supervised like the last, are loaded as a network of their own.
        input_hw: height and width of the crops that it is to be used on, where not those that it was trained on.

    Raises:
        ModelError: when the file is missing, is no checkpoint of a pose network, or its weights do not fit the network.
    """
    stored = read_checkpoint(path)
    recipe, skeleton = stored.recipe, stored.skeleton
    if skeleton is None:
        raise ModelError(f"{path}: the checkpoint of a person detector, where one of a pose network is needed")
    arguments = {name: value for name, value in recipe.model_args.items() if not (model and name == "stacks")}
    recipe = replace(recipe, model=model or recipe.model, model_args=arguments, input_hw=input_hw or recipe.input_hw)
    network = create_model(recipe.model, len(skeleton), **recipe.model_args)
    weights = stored.network_weights
    if model and isinstance(network, SoftGatedNet):
        weights = network.restacked(weights)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"{path}: the weights do not fit {recipe.model}: {error}") from error
    net = AnsweringNet(network, recipe).eval()
    card = ModelCard(
        name=path.stem,
        architecture=recipe.model,
        skeleton=skeleton,
        input_hw=recipe.input_hw,
        color=recipe.color,
        mean=recipe.mean,
        std=recipe.std,
        padding=recipe.padding,
        stride=network.stride,  # type: ignore[arg-type]
        sigma=recipe.sigma,
        sha256=file_sha256(path),
        params=sum(p.numel() for p in network.parameters()),
        macs=complexity(network, recipe.input_hw).macs,
        recipe=recipe.name + (f", taught by {Path(recipe.teacher).name}" if recipe.teacher else ""),
        data=sources_of(stored),
        epochs=stored.epochs,
        hours=stored.progress.hours,
        license=LICENSE,
        loss=recipe.loss,
        model_args=recipe.model_args,
    )
    return Checkpoint(net, recipe, card)


def sources_of(stored: Stored) -> tuple[DataSource, ...]:
    """The datasets behind a checkpoint, for its card."""
    return tuple(TERMS.get(name, DataSource(name, "not stated")) for name in stored.datasets)


def save_weights(checkpoint: Path, weights: Path, model: str | None = None) -> ModelCard:
    """Write a checkpoint's weights as half-precision safetensors with their card beside them, to train on from.

    Args:
        model: see :func:`load_checkpoint`.

    Raises:
        ModelError: when the checkpoint cannot be loaded, or a value is beyond half precision.
    """
    loaded = load_checkpoint(checkpoint, model)
    return save_half(loaded.net.network, loaded.card, weights, checkpoint)


def save_half(network: nn.Module, card: SomeCard, weights: Path, source: Path) -> SomeCard:
    """Write a network's weights as half-precision safetensors, and the card that they then have beside them.

    Args:
        card: of the network, of whatever kind.
        source: where the weights come from, for messages.

    Raises:
        ModelError: when a value is beyond half precision, or the file cannot be written.
    """
    state = {
        name: tensor.half().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    if not all(tensor.isfinite().all() for tensor in state.values()):
        raise ModelError(f"{source}: weights beyond the range of half precision: keep the checkpoint itself")
    write_whole(weights, save(state), ModelError)
    card = replace(card, name=weights.stem, sha256=file_sha256(weights), precision="f16")
    card.save(weights.with_suffix(".json"))
    return card


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The weights in a file of :func:`save_half`, in single precision.

    Raises:
        ModelError: when the file cannot be read.
    """
    try:
        return {name: t.float() if t.is_floating_point() else t for name, t in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not readable as safetensors: {error}") from error


def stored_weights(path: Path) -> tuple[dict[str, Tensor], Skeleton | None]:
    """The weights in a ``.ckpt`` or in ``.safetensors`` written by :func:`save_weights`, and the joints they are for.

    The joints of ``.safetensors`` are those of the card beside it, None without one.

    Raises:
        ModelError: when the file or the card cannot be read.
    """
    if path.suffix != ".safetensors":
        loaded = load_checkpoint(path)
        return loaded.net.network.state_dict(), loaded.card.skeleton
    state = read_safetensors(path)
    card = path.with_suffix(".json")
    return state, ModelCard.load(card).skeleton if card.exists() else None


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill a network with the weights of a ``.ckpt`` or of ``.safetensors`` written by :func:`save_weights`.

    Raises:
        ModelError: when the file cannot be read or holds other weights than the network has.
    """
    state, _ = stored_weights(path)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(f"{path}: holds other weights than the recipe's network: {error}") from error
