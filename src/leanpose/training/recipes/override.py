"""Changing fields of a recipe from the command line."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from leanpose.core.errors import RecipeError
from leanpose.training.data.augment import Augmentation
from leanpose.training.recipes.recipe import Recipe


def override(recipe: Recipe, assignments: list[str]) -> Recipe:
    """The recipe with ``field=value`` assignments applied; ``augmentation.rotation=45`` reaches into a field.

    Values are read as JSON, and as plain text where they are none.

    Raises:
        RecipeError: for an unknown field, a missing ``=``, or a value of another type than the field's.
    """
    changes: dict[str, Any] = {}  # applied together, because fields such as milestones and step_lrs must fit
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise RecipeError(f"--set {assignment}: write field=value")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        name, _, inner = path.partition(".")
        known = {f.name: f for f in fields(Recipe) if f.name != "name"}
        if name not in known:
            raise RecipeError(f"--set {assignment}: no field '{name}'; there are {', '.join(sorted(known))}")
        old = changes.get(name, getattr(recipe, name))
        if inner:
            if isinstance(old, Augmentation) and inner in {f.name for f in fields(old)}:
                value = replace(old, **{inner: value})
            elif isinstance(old, Mapping):
                value = {**old, inner: value}
            else:
                raise RecipeError(f"--set {assignment}: '{name}' has no part '{inner}'")
        value = tuple(value) if isinstance(value, list) else value
        # a field that may be None says so by its default
        fits = known[name].default is None if value is None else old is None or isinstance(value, _accepted(old))
        if not fits:
            raise RecipeError(f"--set {assignment}: '{path}' takes {type(old).__name__}, not {value!r}")
        changes[name] = value
    return replace(recipe, **changes)


def _accepted(old: Any) -> type | tuple[type, ...]:
    return (int, float) if isinstance(old, float) else Mapping if isinstance(old, Mapping) else type(old)
