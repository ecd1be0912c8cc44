"""Starting from a trained network whose joints are others: what belongs to a joint goes with its name."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from leanpose.core.errors import ModelError
from leanpose.models import create_model
from leanpose.models.person import PersonNet
from leanpose.models.softgate import SoftGatedNet
from leanpose.pose.skeleton import Skeleton
from leanpose.training.checkpoint import read_checkpoint, read_safetensors, stored_weights
from leanpose.training.recipes import Recipe


def start_with(network: nn.Module, recipe: Recipe, skeleton: Skeleton, path: Path) -> None:
    """Fill a recipe's network with the weights of a ``.ckpt`` or ``.safetensors`` of the same architecture.

    Joints that both know keep their weights, by name; new joints keep those that the network was built with. A
    soft-gated network may have more or fewer stacks than the file's
    (:meth:`leanpose.models.softgate.SoftGatedNet.restacked`). A file that has whole parts of the network and nothing
    else, such as a backbone, fills those; the others stay as they were built.

    Raises:
        ModelError: when the file cannot be read or holds the weights of another architecture.
    """
    state, source = stored_weights(path)
    if source is not None and source.joints != skeleton.joints:
        state = _with_joints(state, network, recipe, source, skeleton)
    if isinstance(network, SoftGatedNet):
        state = network.restacked(state)
    built = network.state_dict()
    missing = built.keys() - state.keys()
    parts = {name.partition(".")[0] for name in missing}
    if missing and parts.isdisjoint(name.partition(".")[0] for name in state):
        state = dict(state) | {name: built[name] for name in missing}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(f"{path}: holds other weights than the recipe's network: {error}") from error


def start_detector_with(network: PersonNet, path: Path) -> None:
    """Fill a detector with the weights of another, or its trunk with those of a pose network of the same width.

    Args:
        path: ``.ckpt`` or ``.safetensors`` of either.

    Raises:
        ModelError: when the file cannot be read or holds the weights of another architecture.
    """
    state = read_safetensors(path) if path.suffix == ".safetensors" else read_checkpoint(path).network_weights
    try:
        if "centre.weight" in state:
            network.load_state_dict(state)
        else:
            network.load_trunk(state)
    except RuntimeError as error:
        raise ModelError(f"{path}: holds other weights than the recipe's network: {error}") from error


def _with_joints(
    state: Mapping[str, Tensor], network: nn.Module, recipe: Recipe, source: Skeleton, target: Skeleton
) -> dict[str, Tensor]:
    """Weights for the joints of ``target``: those of ``source`` where they share a name, else the network's own."""
    built = network.state_dict()
    shared = [(new, source.joints.index(joint)) for new, joint in enumerate(target.joints) if joint in source.joints]
    moved = dict(state)
    for name, axis in _joint_axes(recipe, len(target)).items():
        expected = list(built[name].shape)
        expected[axis] = len(source)
        if name not in state or list(state[name].shape) != expected:
            continue  # another architecture: loading it will say so
        moved[name] = built[name].clone()
        for new, old in shared:
            moved[name].select(axis, new).copy_(state[name].select(axis, old))
    return moved


def _joint_axes(recipe: Recipe, joints: int) -> dict[str, int]:
    """The weights that have an entry per joint, with its axis: those whose shape changes with the number of joints."""
    with torch.device("meta"):
        some = create_model(recipe.model, joints, **recipe.model_args).state_dict()
        more = create_model(recipe.model, joints + 1, **recipe.model_args).state_dict()
    return {
        name: next(axis for axis, (a, b) in enumerate(zip(tensor.shape, more[name].shape, strict=True)) if a != b)
        for name, tensor in some.items()
        if tensor.shape != more[name].shape
    }
