import torch

from leanpose.models import create_model
from leanpose.training.freezing import freeze
from leanpose.training.initialisation import head_layers
from leanpose.training.run import train


def _step(network):
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    loss = sum(maps.square().mean() for maps in network(torch.randn(2, 3, 64, 64)))
    loss.backward()
    optimizer.step()


def test_only_heads_learn_and_statistics_stay():
    torch.manual_seed(0)
    network = create_model("softgate_1x64", 5, width=8, stacks=2).train()
    freeze(network, True)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    _step(network)
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {f"heads.{i}.{part}" for i in (0, 1) for part in ("weight", "bias")}
    assert len(head_layers(network)) == 2


def test_thawed_everything_learns_again():
    network = create_model("softgate_1x64", 5, width=8, gate=1.0).train()
    freeze(network, True)
    freeze(network, False)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    _step(network)
    same = [name for name, tensor in network.state_dict().items() if torch.equal(tensor, before[name])]
    assert all(name.endswith("alpha") for name in same)  # the fixed gates


def test_frozen_epochs_of_a_training_leave_the_backbone(small_recipe, made_pack, tmp_path):
    from dataclasses import replace

    from leanpose.pose.skeleton import LSP14
    from leanpose.training.checkpoint import read_checkpoint
    from leanpose.training.module import PoseModule

    recipe = replace(small_recipe, epochs=2, frozen_epochs=1, ema=0.0)
    data = [f"pack:{made_pack}"]
    torch.manual_seed(recipe.seed)
    train(recipe, data, tmp_path, workers=0, max_epochs=1, progress=False)
    one = read_checkpoint(tmp_path / "last.ckpt").weights
    import lightning

    lightning.seed_everything(recipe.seed, verbose=False)
    fresh = PoseModule(recipe.to_dict(), LSP14.to_dict(), ["lsp"]).state_dict()
    changed = {name for name, tensor in one.items() if not torch.equal(tensor, fresh[name])}
    assert changed
    assert all(name.startswith("model.heads.") for name in changed)
    train(recipe, data, tmp_path, resume=True, workers=0, progress=False)
    two = read_checkpoint(tmp_path / "last.ckpt").weights
    assert not torch.equal(two["model.stem.0.weight"], one["model.stem.0.weight"])
