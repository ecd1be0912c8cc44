from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from leanpose.core.errors import ModelError
from leanpose.models import REGISTRY, create_model
from leanpose.pose.skeleton import LSP14, Skeleton
from leanpose.training.checkpoint import load_checkpoint
from leanpose.training.recipes import ablation_lsp
from leanpose.training.run import train
from leanpose.training.transfer import _joint_axes, start_with

UPPER = Skeleton("upper", ("neck", "left_wrist", "right_wrist", "tail"), flips=(("left_wrist", "right_wrist"),))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, made_pack):
    out = tmp_path_factory.mktemp("trained")
    args = {"width": 16, "stacks": 2}
    recipe = replace(ablation_lsp(), model_args=args, input_hw=(64, 64), batch_size=4, epochs=1, ema=0.0)
    train(recipe, [f"pack:{made_pack}"], out, workers=0, progress=False)
    return recipe, out / "last.ckpt"


def test_joints_keep_their_weights_by_name(trained):
    recipe, checkpoint = trained
    source = load_checkpoint(checkpoint).net.network.state_dict()
    network = create_model(recipe.model, 4, **recipe.model_args)
    fresh = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    start_with(network, recipe, UPPER, checkpoint)
    state = network.state_dict()
    for stack in (0, 1):
        for part in ("weight", "bias"):
            name = f"heads.{stack}.{part}"
            for new, joint in enumerate(UPPER.joints[:3]):
                assert torch.equal(state[name][new], source[name][LSP14.index(joint)])
            assert torch.equal(state[name][3], fresh[name][3])  # nobody knew the tail
    link = "heatmap_links.0.weight"  # its joints are inputs
    assert torch.equal(state[link][:, 0], source[link][:, LSP14.index("neck")])
    assert torch.equal(state[link][:, 3], fresh[link][:, 3])
    others = [name for name in state if name.partition(".")[0] not in ("heads", "heatmap_links")]
    assert all(torch.equal(state[name], source[name]) for name in others)


def test_same_joints_are_taken_as_they_are(trained):
    recipe, checkpoint = trained
    network = create_model(recipe.model, 14, **recipe.model_args)
    start_with(network, recipe, LSP14, checkpoint)
    source = load_checkpoint(checkpoint).net.network.state_dict()
    assert all(torch.equal(tensor, source[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("name", ["softgate_1x64", "softgate_1x64_fast"])
def test_every_further_stack_starts_with_the_answer_of_the_smaller_network(name, tmp_path):
    small = create_model(name, 14, width=16, stacks=1)
    for tensor in small.state_dict().values():  # heads and statistics that are not zero
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) * 0.2 + 0.1)
    save_file(small.state_dict(), tmp_path / "small.safetensors")
    args = {"width": 16, "stacks": 3}
    recipe = replace(ablation_lsp(), model=name, model_args=args, skeleton="body19")
    network = create_model(name, 14, **args)
    start_with(network, recipe, LSP14, tmp_path / "small.safetensors")
    images = torch.rand(2, 3, 64, 64)
    (answer,) = small.eval()(images)
    assert answer.std() > 0
    for stage in network.eval()(images):
        torch.testing.assert_close(stage, answer)
    damaged = {key: tensor for key, tensor in small.state_dict().items() if key != "stacks.0.skip.0.weight"}
    assert len(damaged) < len(small.state_dict())
    save_file(damaged, tmp_path / "damaged.safetensors")
    with pytest.raises(ModelError, match=r"stacks\.0\.skip"):
        start_with(network, recipe, LSP14, tmp_path / "damaged.safetensors")


def test_fewer_stacks_answer_as_the_first_ones_did(tmp_path):
    large = create_model("softgate_1x64_fast", 14, width=16, stacks=3)
    for tensor in large.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) * 0.2 + 0.1)
    save_file(large.state_dict(), tmp_path / "large.safetensors")
    args = {"width": 16, "stacks": 2}
    recipe = replace(ablation_lsp(), model="softgate_1x64_fast", model_args=args)
    network = create_model(recipe.model, 14, **args)
    start_with(network, recipe, LSP14, tmp_path / "large.safetensors")
    images = torch.rand(2, 3, 64, 64)
    wanted = large.eval()(images)
    assert (wanted[1] - wanted[0]).abs().max() > 0.01
    for stage, first in zip(network.eval()(images), wanted, strict=False):
        torch.testing.assert_close(stage, first)


def test_another_architecture_is_refused(trained):
    recipe, checkpoint = trained
    other = replace(recipe, model_args={"width": 8, "stacks": 2})
    with pytest.raises(ModelError, match="other weights"):
        start_with(create_model(other.model, 4, **other.model_args), other, UPPER, checkpoint)


@pytest.mark.parametrize(
    "name", ["softgate_1x64", "hourglass_1", "cunet_2x64_g16", "lpn_50", "sfm_basic64", "litehrnet_18"]
)
def test_what_belongs_to_joints_is_found_in_every_family(name):
    axes = _joint_axes(replace(ablation_lsp(), model=name), 7)
    with torch.device("meta"):
        state = REGISTRY[name].build(7).state_dict()
    assert axes
    assert all(state[key].shape[axis] == 7 for key, axis in axes.items())
    stages = len(create_model(name, 7).eval()(torch.zeros(1, 3, 128, 128)))
    assert sum(state[key].ndim == 4 and axis == 0 for key, axis in axes.items()) == stages  # a layer for each stage
