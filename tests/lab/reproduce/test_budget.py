import pytest

from lab.reproduce.budget import Budget
from leanpose.core.errors import RecipeError
from leanpose.training.recipes import ablation_lsp, recipe_named


def test_budget_reads_its_fields():
    assert Budget().changed("epochs=7,people=0.5") == Budget(epochs=7, people=0.5)
    assert Budget(seeds=3).changed("") == Budget(seeds=3)


@pytest.mark.parametrize("text", ["epochs", "epochs=x", "hours=2", "epochs=1.5", "seeds=0", "people=0", "people=1.1"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(RecipeError, match="budget"):
        Budget().changed(text)


def test_recipe_under_a_budget_changes_nothing_else():
    base = ablation_lsp()
    cut = Budget(epochs=5, side=192, people=0.25, seeds=2).recipe(base, 1)
    assert (cut.epochs, cut.input_hw, cut.people, cut.seed) == (5, (192, 192), 0.25, 1)
    changed = {name for name, value in base.to_dict().items() if cut.to_dict()[name] != value}
    assert changed == {"epochs", "input_hw", "people", "seed"}


def test_oblong_inputs_stay_oblong():
    assert Budget(side=256).recipe(recipe_named("lpn_coco"), 0).input_hw == (256, 192)
    assert Budget(side=128).recipe(recipe_named("lpn_coco"), 0).input_hw == (128, 128)  # 96 is no multiple of 64
