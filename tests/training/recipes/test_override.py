"""``--set FIELD=VALUE``: what reaches the recipe and what is refused."""

import pytest

from leanpose.core.errors import RecipeError
from leanpose.training.recipes import override, recipe_named, softgate_lsp, softgate_lsp_paper


def test_overrides_reach_fields_and_parts_of_fields() -> None:
    recipe = override(
        softgate_lsp(),
        [
            "epochs=3",
            "augmentation.rotation=45",
            "input_hw=[128,128]",
            "repeats.lspet=2",
            "model=softgate_2x64",
            "lr=1",
        ],
    )
    assert (recipe.epochs, recipe.augmentation.rotation, recipe.input_hw) == (3, 45, (128, 128))
    assert recipe.repeats == {"lsp": 3, "lspet": 2}
    assert recipe.model == "softgate_2x64"
    assert recipe.augmentation.flip == softgate_lsp().augmentation.flip


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epochs", "write field=value"),
        ("epoch=3", "no field 'epoch'"),
        ("augmentation.spin=3", "no part 'spin'"),
        ("epochs=many", "takes int"),
        ("epochs=0", "must be positive"),
        ("name=x", "no field 'name'"),
        ("lr=null", "takes float"),
        ("lr=NaN", "must be positive"),
        ("optimizer=sgd", "must be adam or adamw or rmsprop"),
        ("schedule=linear", "must be cosine or steps"),
        ("head_init=zeros", "must be zero or default"),
        ("loss=l1", "must be mse or joints_mse or cross_entropy"),
        ("input_hw=[128]", "must be height and width"),
        ("early_input_hw=128", "takes tuple"),
        ("repeats.lsp=1.5", "must be whole numbers"),
        ("clip_norm=off", "takes float"),
        ("ema=1", "less than 1"),
        ("warmup_epochs=1000", "less than epochs"),
        ("augmentation.flip=often", "must be a number from 0 to 1"),
        ("augmentation.scale=1", "must be a number from 0 to 0.9"),
        ("augmentation.distribution=gaussian", "must be uniform or normal"),
        ("color=grey", "must be bgr or rgb"),
        ("conv_init=xavier", "must be default or normal_0.001 or uniform"),
        ("skeleton=3", "must be None, a built-in skeleton or a skeleton file"),
        ("epoch_batches=0", "must be None or at least 1"),
        ("body_lr=0", "over 0 and up to 1"),
        ("teacher_weight=2", "from 0 to 1"),
        ("teacher_loss=kl", "must be own or mse"),
        ("mean=[0,0]", "must be three numbers"),
        ("std=[1,0,1]", "must be three positive numbers"),
        ("rounds=0", "must be a whole number from 1"),
        ("starts_from=3", "must be None or the name"),
    ],
)
def test_wrong_overrides_are_refused(assignment: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        override(softgate_lsp(), [assignment])


def test_fields_that_may_be_none_take_null_and_come_back() -> None:
    recipe = override(softgate_lsp(), ["clip_norm=null", "early_input_hw=null"])
    assert (recipe.clip_norm, recipe.early_input_hw) == (None, None)
    assert {recipe.input_at(epoch) for epoch in range(recipe.epochs)} == {(192, 192)}
    again = override(recipe, ["clip_norm=2", "early_input_hw=[64,64]"])
    assert (again.clip_norm, again.input_at(0)) == (2, (64, 64))
    with pytest.raises(RecipeError, match="clip_norm='off' must be positive or None"):
        override(recipe, ["clip_norm=off"])


def test_overrides_that_need_each_other_come_in_any_order() -> None:
    for order in (1, -1):
        words = ["milestones=[5]", "step_lrs=[1e-5]", "repeats.lsp=2", "repeats.lspet=4"][::order]
        recipe = override(softgate_lsp_paper(), words)
        assert (recipe.lr_at(4), recipe.lr_at(5), recipe.repeats) == (2.5e-4, 1e-5, {"lsp": 2, "lspet": 4})


def test_a_fine_tuning_may_start_from_nothing() -> None:
    recipe = override(recipe_named("softgate_lsp_finetune"), ["starts_from=null", "skeleton=null"])
    assert (recipe.starts_from, recipe.skeleton) == (None, None)
