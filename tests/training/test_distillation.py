from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from leanpose.core.errors import TrainingError
from leanpose.pose.skeleton import LSP14, MPII16, Skeleton
from leanpose.training.checkpoint import load_checkpoint, read_checkpoint
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import CropDataset, collate
from leanpose.training.data.targets import gaussian_heatmaps
from leanpose.training.distillation import Teacher, teacher_loss_B
from leanpose.training.module import PoseModule
from leanpose.training.run import train


@pytest.fixture(scope="module")
def teacher_checkpoint(tmp_path_factory, made_pack):
    from leanpose.training.recipes import ablation_lsp

    out = tmp_path_factory.mktemp("teacher")
    recipe = replace(ablation_lsp(), model_args={"width": 16}, input_hw=(64, 64), batch_size=4, epochs=1, ema=0.0)
    train(recipe, [f"pack:{made_pack}"], out, workers=0, progress=False)
    return out / "last.ckpt"


def _batch(samples):
    dataset = CropDataset(samples, (64, 64), 1.25, Augmentation())
    return collate([dataset[0, i] for i in range(len(samples))])


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_loss_is_the_weighted_sum_of_labels_and_teacher(loss, small_recipe, teacher_checkpoint, made_samples):
    recipe = replace(small_recipe, loss=loss, teacher=str(teacher_checkpoint), teacher_weight=0.3)
    module = PoseModule(recipe.to_dict(), LSP14.to_dict(), ["lsp"])
    alone = PoseModule(replace(recipe, teacher=None).to_dict(), LSP14.to_dict(), ["lsp"])
    batch = _batch(made_samples(3, 5))
    torch.manual_seed(0)
    stages = [torch.randn(3, 14, 16, 16, requires_grad=True) for _ in range(2)]
    got = module._loss_B(stages, batch)

    net = load_checkpoint(teacher_checkpoint).net.eval()
    with torch.no_grad():
        shown = net((batch["images"].float() - module.mean) / module.std).clamp_min(0)
    soft = torch.zeros(3)
    for maps in stages:
        for b in range(3):
            for j in range(14):
                if not batch["labelled"][b, j]:
                    continue
                ours, theirs = maps[b, j].flatten(), shown[b, j].flatten()
                if loss == "mse":
                    value = ((ours - theirs) ** 2).sum()
                else:
                    share = theirs / theirs.sum()
                    value = (share * (share.clamp_min(1e-30).log() - F.log_softmax(ours, 0))).sum()
                soft[b] = soft[b] + value / batch["labelled"][b].sum()
    expected = 0.7 * alone._loss_B(stages, batch) + 0.3 * soft
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    gradient, by_hand = (torch.autograd.grad(x.sum(), stages[0], retain_graph=True)[0] for x in (got, expected))
    torch.testing.assert_close(gradient, by_hand, rtol=1e-3, atol=1e-5)


def test_a_teacher_of_itself_has_nothing_more_to_teach(small_recipe, teacher_checkpoint, made_samples):
    taught = read_checkpoint(teacher_checkpoint).recipe
    recipe = replace(taught, teacher=str(teacher_checkpoint), teacher_weight=1.0)
    module = PoseModule(recipe.to_dict(), LSP14.to_dict(), ["lsp"]).eval()
    module.model.load_state_dict(load_checkpoint(teacher_checkpoint).net.network.state_dict())
    batch = _batch(made_samples(2, 6))
    with torch.no_grad():
        assert module._loss_B(module(batch["images"]), batch).abs().max() < 1e-4


def test_student_learns_joints_that_nobody_labelled(small_recipe, teacher_checkpoint, made_samples):
    recipe = replace(small_recipe, teacher=str(teacher_checkpoint), teacher_weight=1.0, teach_unlabelled=True)
    batch = _batch(made_samples(2, 7))
    batch["labelled"][:] = False
    losses = {}
    for unlabelled in (True, False):
        module = PoseModule(replace(recipe, teach_unlabelled=unlabelled).to_dict(), LSP14.to_dict(), ["lsp"])
        losses[unlabelled] = module._loss_B([torch.randn(2, 14, 16, 16)], batch)
    assert (losses[True] > 0).all()
    assert (losses[False] == 0).all()


def test_joints_are_matched_by_name(teacher_checkpoint, made_samples):
    teacher = Teacher(str(teacher_checkpoint), MPII16)
    images = _batch(made_samples(2, 8))["images"]
    targets, known = teacher(images, (16, 16))
    same, _ = Teacher(str(teacher_checkpoint), LSP14)(images, (16, 16))
    for j, joint in enumerate(MPII16.joints):
        if joint in LSP14.joints:
            assert known[j]
            np.testing.assert_allclose(targets[:, j], same[:, LSP14.joints.index(joint)])
        else:
            assert not known[j]
            assert (targets[:, j] == 0).all()


def test_maps_of_another_stride_are_resampled(teacher_checkpoint, made_samples):
    images = _batch(made_samples(1, 9))["images"]
    fine, _ = Teacher(str(teacher_checkpoint), LSP14)(images, (16, 16))
    coarse, _ = Teacher(str(teacher_checkpoint), LSP14)(images, (8, 8))
    pooled = fine.reshape(1, 14, 8, 2, 8, 2).mean((3, 5))  # bilinear to half the size is the mean of 2x2
    torch.testing.assert_close(coarse, pooled, rtol=1e-4, atol=1e-5)


def test_a_teacher_of_other_joints_is_refused(teacher_checkpoint):
    with pytest.raises(TrainingError, match="not a single joint"):
        Teacher(str(teacher_checkpoint), Skeleton("tools", ("handle", "tip")))


def test_checkpoint_holds_the_student_alone_and_the_card_names_the_teacher(
    small_recipe, teacher_checkpoint, made_pack, tmp_path
):
    recipe = replace(small_recipe, epochs=1, teacher=str(teacher_checkpoint))
    train(recipe, [f"pack:{made_pack}"], tmp_path, workers=0, progress=False)
    stored = read_checkpoint(tmp_path / "last.ckpt")
    plain = PoseModule(small_recipe.to_dict(), LSP14.to_dict(), ["lsp"]).state_dict()
    assert set(stored.weights) == set(plain)
    assert load_checkpoint(tmp_path / "last.ckpt").card.recipe.endswith("taught by last.ckpt")


def test_heatmap_mse_compares_the_answers_as_exported(small_recipe, teacher_checkpoint, made_samples):
    recipe = replace(small_recipe, teacher=str(teacher_checkpoint), teacher_loss="mse", teacher_confidence=True)
    batch = _batch(made_samples(2, 10))
    torch.manual_seed(1)
    maps = torch.randn(2, 14, 16, 16, requires_grad=True)
    teacher = Teacher(str(teacher_checkpoint), LSP14)
    got = teacher_loss_B(teacher, [maps], batch, recipe)
    shown, _ = teacher(batch["images"], (16, 16))
    expected = []
    for b in range(2):
        total, joints = 0.0, 0
        for j in np.flatnonzero(batch["labelled"][b].numpy()):
            answer = torch.softmax(maps[b, j].flatten(), 0) * 2 * np.pi * recipe.sigma**2
            trust = min(float(shown[b, j].max()), 1.0)
            total = total + trust * ((answer - shown[b, j].flatten()) ** 2).sum()
            joints += 1
        expected.append(total / max(joints, 1))
    torch.testing.assert_close(got, torch.stack(expected), rtol=1e-4, atol=1e-6)
    gradient, by_hand = (torch.autograd.grad(x.sum(), maps, retain_graph=True)[0] for x in (got, sum(expected)))
    torch.testing.assert_close(gradient, by_hand, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("teacher_loss", ["own", "mse"])
def test_student_of_a_perfect_teacher_learns_without_labels(
    teacher_loss, small_recipe, teacher_checkpoint, monkeypatch
):
    """The teacher always points at the same cells; after some steps so does the student, whom nobody shows a label."""
    cells = torch.stack((torch.arange(14) % 12 + 2.0, torch.arange(14) % 7 + 4.0), dim=1)
    maps = gaussian_heatmaps(cells[None], (16, 16), small_recipe.sigma).expand(4, -1, -1, -1)
    known = torch.ones(14, dtype=torch.bool)
    monkeypatch.setattr(Teacher, "__call__", lambda self, images, hw: (maps, known))
    recipe = replace(
        small_recipe, teacher=str(teacher_checkpoint), teacher_weight=1.0, teach_unlabelled=True,
        teacher_loss=teacher_loss, model_args={"width": 16},
    )  # fmt: skip
    torch.manual_seed(0)
    module = PoseModule(recipe.to_dict(), LSP14.to_dict(), ["lsp"])
    batch = {
        "images": torch.randint(0, 255, (4, 3, 64, 64), dtype=torch.uint8),
        "points": torch.full((4, 14, 2), float("nan")),
        "labelled": torch.zeros(4, 14, dtype=torch.bool),
        "weights": torch.zeros(4, 14),
    }
    optimizer = torch.optim.AdamW(module.model.parameters(), lr=1e-2)
    for _ in range(80):
        stages = module(batch["images"])
        optimizer.zero_grad()
        module._loss_B(stages, batch).mean().backward()
        optimizer.step()
    peaks = module(batch["images"])[-1].flatten(2).argmax(dim=2)
    found = torch.stack((peaks % 16, peaks // 16), dim=2)
    right = (found == cells).all(dim=2).float().mean()
    assert right > 0.9


def test_teacher_sees_crops_at_the_size_it_was_trained_on(teacher_checkpoint, made_samples):
    images = _batch(made_samples(2, 11))["images"]
    teacher = Teacher(str(teacher_checkpoint), LSP14)
    sizes = []
    teacher.net.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].shape[-2:]))
    teacher(images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3), (16, 16))
    teacher(torch.cat((images, images), dim=2), (32, 16))  # of another aspect: as it is
    assert sizes == [(64, 64), (128, 64)]


def test_packaged_models_teach_too():
    assert Teacher("small", LSP14).recipe.loss == "cross_entropy"
