"""The study as data: every variant is one factor away from its baseline, and trainable from where it starts."""

from dataclasses import fields, replace

import pytest
import torch

from lab.reproduce.budget import Budget
from lab.reproduce.our_ablation import DECODE, _against
from lab.reproduce.our_factors import ABLATION, BASELINES, COMBINATION, REPEATS, base_recipe
from leanpose.core.decode import METHODS
from leanpose.models import create_model
from leanpose.training.data.augment import Augmentation
from leanpose.training.recipes import Recipe

FACTORS = [*ABLATION.factors, *COMBINATION.factors]
CASES = [pytest.param(factor, arm, id=arm.slug) for factor in FACTORS for arm in factor.variants]
BUDGET = Budget(epochs=2, batches=5)


def _changed(one: Recipe, other: Recipe) -> set[str]:
    """Fields in which two recipes differ, those of the augmentation each for itself."""
    changed = {f.name for f in fields(Recipe) if getattr(one, f.name) != getattr(other, f.name)} - {"augmentation"}
    parts = [f.name for f in fields(Augmentation)]
    a, b = one.augmentation, other.augmentation
    return changed | {f"augmentation.{name}" for name in parts if getattr(a, name) != getattr(b, name)}


@pytest.mark.parametrize(("factor", "arm"), CASES)
def test_a_variant_differs_from_its_baseline_in_its_factor_alone(factor, arm):
    base = BUDGET.recipe(base_recipe(factor.start), 0)
    changed = _changed(arm.recipe(base), _against(factor).recipe(base))
    assert bool(changed) != arm.corrected
    assert changed <= factor.fields


@pytest.mark.parametrize(("factor", "arm"), CASES)
def test_the_network_of_a_variant_takes_its_input(factor, arm):
    recipe = arm.recipe(BUDGET.recipe(base_recipe(factor.start), 0))
    with torch.device("meta"):
        network = create_model(recipe.model, 3, **recipe.model_args).eval()
        answer = network(torch.empty(1, 3, *recipe.input_hw))[-1]
    assert answer.shape[2:] == (recipe.input_hw[0] // 4, recipe.input_hw[1] // 4)
    if factor.start == "trained":  # a trained baseline's weights fit, but for what the variant adds
        plain = base_recipe("trained")
        with torch.device("meta"):
            weights = create_model(plain.model, 3).state_dict()
        wanted = network.restacked(weights)
        assert wanted.keys() == network.state_dict().keys()
        assert all(wanted[name].shape == tensor.shape for name, tensor in network.state_dict().items())


def test_names_are_given_once():
    slugs = [arm.slug for factor in FACTORS for arm in factor.variants]
    slugs += [arm.slug for start in ("trained", "nothing") for arm in (BASELINES[start], *REPEATS[start])]
    assert len(set(slugs)) == len(slugs)
    assert len({factor.name for factor in FACTORS}) == len(FACTORS)
    assert len({f"{factor.label}: {arm.label}" for factor in FACTORS for arm in factor.variants}) == len(CASES)


def test_repeats_differ_in_the_seed_alone():
    for start, arms in REPEATS.items():
        base = BUDGET.recipe(base_recipe(start), 0)
        assert arms
        assert all(_changed(arm.recipe(base), BASELINES[start].recipe(base)) == {"seed"} for arm in arms)


def test_decode_methods_are_known_and_none_is_the_baselines():
    methods = [method for factor in FACTORS for method in factor.decodes]
    assert methods
    assert set(methods) == set(METHODS) - {DECODE}


def test_lengths_scale_the_budget():
    base = BUDGET.recipe(base_recipe("trained"), 0)
    arms = {arm.slug: arm for factor in FACTORS for arm in factor.variants}
    assert arms["schedule_4x"].recipe(base).epochs == 4 * BUDGET.epochs
    assert (
        arms["rounds_2"].recipe(base).epochs * arms["rounds_2"].recipe(base).rounds
        == arms["schedule_2x"].recipe(base).epochs
    )
    assert arms["rounds_2"].recipe(base) == replace(base, rounds=2)
