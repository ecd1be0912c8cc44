"""What an import accepts, refuses by name, and writes; the key layouts themselves are tested beside this file."""

import contextlib
import json
import pickle
import random
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from leanpose.core.errors import ModelError
from leanpose.models import create_model
from leanpose.models.import_weights import import_weights

Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def lpn_weights() -> Weights:
    return create_model("lpn_50", 5).state_dict()  # this network's own keys are the published ones


def saved(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "checkpoint.pth"
    torch.save(content, path)
    return path


@pytest.mark.parametrize("nested", ["state_dict", "model", None])
@pytest.mark.parametrize("prefix", ["module.", ""])
def test_nesting_and_data_parallel_prefix_are_taken_off(nested, prefix, tmp_path, lpn_weights):
    prefixed = {prefix + key: value for key, value in lpn_weights.items()}
    content = {nested: prefixed, "epoch": 140, "optimizer": {"lr": 1e-3}} if nested else prefixed
    state = import_weights(saved(tmp_path, content), "lpn_50", num_joints=5)
    assert torch.equal(state["conv1.weight"], lpn_weights["conv1.weight"])


def test_counters_of_batches_may_be_missing(tmp_path, lpn_weights):
    old = {key: value for key, value in lpn_weights.items() if not key.endswith("num_batches_tracked")}
    create_model("lpn_50", 5).load_state_dict(import_weights(saved(tmp_path, old), "lpn_50"), strict=True)


def test_half_precision_becomes_float32(tmp_path, lpn_weights):
    state = import_weights(saved(tmp_path, {k: v.half() for k, v in lpn_weights.items()}), "lpn_50")
    assert {v.dtype for k, v in state.items() if not k.endswith("num_batches_tracked")} == {torch.float32}


def test_safetensors_hold_the_same_and_say_where_they_come_from(tmp_path, lpn_weights):
    out = tmp_path / "lpn.safetensors"
    state = import_weights(saved(tmp_path, lpn_weights), "lpn_50", out=out)
    with safe_open(out, framework="pt") as file:
        about = json.loads(file.metadata()["leanpose"])
        assert set(file.keys()) == set(state)
        assert all(torch.equal(file.get_tensor(key), value) for key, value in state.items())
    assert about["architecture"] == "lpn_50"
    assert about["num_joints"] == 5
    assert about["source"] == "checkpoint.pth"
    assert len(about["source_sha256"]) == 64
    assert (about["cell_offset"], about["flip_shift"]) == (0, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("layer2.1.bn2.bias"), r"layer2\.1\.bn2\.bias \(missing\)"),
        (lambda w: w.update({"layer9.weight": torch.ones(1)}), r"layer9\.weight \(unknown\)"),
        (lambda w: w.update({"bn1.bias": torch.ones(63)}), r"bn1\.bias \(shape \(63,\), not \(64,\)\)"),
        (lambda w: w.update({"bn1.bias": torch.full((64,), torch.nan)}), r"bn1\.bias \(not finite\)"),
        (lambda w: w.pop("final_layer.weight"), "no final_layer"),
        (lambda w: w.update({"final_layer.weight": torch.tensor(1.0)}), "no final_layer"),
        (lambda w: w.update({"module.bn1.bias": w["bn1.bias"]}), r"two tensors claim the place of bn1\.bias"),
        (lambda w: w.update({"epoch": 3}), "not named tensors: epoch"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change, message, tmp_path, lpn_weights):
    weights = dict(lpn_weights)
    change(weights)
    out = tmp_path / "never.safetensors"
    with pytest.raises(ModelError, match=message):
        import_weights(saved(tmp_path, weights), "lpn_50", out=out)
    assert not out.exists()


def test_long_lists_of_keys_are_cut_short(tmp_path, lpn_weights):
    with pytest.raises(ModelError, match=r"keys do not fit: .* and \d+ more$"):
        import_weights(saved(tmp_path, lpn_weights), "lpn_101")


def test_joints_are_read_from_the_last_layer(tmp_path, lpn_weights):
    with pytest.raises(ModelError, match="has 5 joints, not 17"):
        import_weights(saved(tmp_path, lpn_weights), "lpn_50", num_joints=17)


def test_networks_without_a_published_layout_are_refused(tmp_path, lpn_weights):
    with pytest.raises(ModelError, match="no published checkpoint layout is known for 'sfm_basic72'"):
        import_weights(saved(tmp_path, lpn_weights), "sfm_basic72")
    with pytest.raises(ModelError, match="unknown network 'lpn_7'"):
        import_weights(saved(tmp_path, lpn_weights), "lpn_7")


class Malicious:
    """Runs code when it is unpickled without care."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.victim,))


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_code_in_a_checkpoint_is_refused_and_not_run(save, tmp_path, lpn_weights):
    victim = tmp_path / "touched"
    path = tmp_path / "checkpoint.pth"
    save({"state_dict": lpn_weights, "meta": Malicious(victim)}, path)
    out = tmp_path / "never.safetensors"
    with pytest.raises(ModelError, match="refused"):
        import_weights(path, "lpn_50", out=out)
    assert not victim.exists()
    assert not out.exists()
    with contextlib.suppress(RuntimeError):  # the trap works, so it was the import that did not step into it
        torch.load(path, weights_only=False)
    assert victim.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_damaged_files_are_refused(content, tmp_path):
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.pth"):
        import_weights(path, "lpn_50")


@pytest.mark.parametrize("zipped", [True, False])
def test_files_cut_short_or_with_flipped_bytes_are_refused_or_read_never_worse(zipped, tmp_path):
    torch.save({"bn1.bias": torch.ones(3)}, tmp_path / "whole.pth", _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / "whole.pth").read_bytes()
    rng = random.Random(0)
    for _ in range(100):
        broken = bytearray(whole[: rng.randrange(1, len(whole))] if rng.random() < 0.3 else whole)
        for _ in range(rng.randint(1, 6)):
            broken[rng.randrange(min(len(broken), 400))] = rng.randrange(256)
        (tmp_path / "broken.pth").write_bytes(broken)
        with pytest.raises(ModelError):  # even an undamaged one has no final_layer
            import_weights(tmp_path / "broken.pth", "lpn_50")


def test_missing_files_and_files_without_weights_are_refused(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        import_weights(tmp_path / "absent.pth", "lpn_50")
    for content in ({}, [torch.ones(1)], torch.ones(1)):
        with pytest.raises(ModelError, match="holds no state dict"):
            import_weights(saved(tmp_path, content), "lpn_50")
