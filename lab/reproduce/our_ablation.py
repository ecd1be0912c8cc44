"""Our own studies: every variant against its baseline, on people of no test part; the best at a larger budget."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lab.reproduce.latency import latencies_ms
from lab.reproduce.our_factors import ABLATION, BASELINES, COMBINATION, REPEATS, Factor, Start, Study, base_recipe
from lab.reproduce.our_screening import FOLDS, HELD_OUT, THRESHOLD, common_start, judged, screening, without_corrections
from lab.reproduce.plots import draw_differences, save_figure
from lab.reproduce.result import Claim, Result, Row, Verdict
from lab.reproduce.trainings import Arm, Setting, last_checkpoint, trained
from lab.reproduce.verdict import people_difference
from leanpose.core.errors import RecipeError
from leanpose.datasets.readers import Sample
from leanpose.models import create_model
from leanpose.models.complexity import complexity
from leanpose.training.checkpoint import read_checkpoint
from leanpose.training.recipes import Recipe

DECODE = "taylor"
CONFIRMED = 4
SOURCE = "Ours, of no paper"
DIFFERENCE = f"difference in PCK@{THRESHOLD:g}"
JOINTS = 14


@dataclass(frozen=True, eq=False)
class Measured:
    """A variant's distances (N, K) in torso lengths beside those of its baseline, NaN where not judged."""

    label: str
    ours: np.ndarray
    baseline: np.ndarray

    def difference(self) -> tuple[float, float, float]:
        """Points of PCK more than the baseline, with the ends of the interval."""
        known = ~np.isnan(self.baseline)
        return people_difference(self.ours <= THRESHOLD, self.baseline <= THRESHOLD, known)


class Screen:
    """The trainings of a study under one setting, done when asked for.

    Args:
        setting: of the command.
        wanted: names of the factors to train for; for the others only what stands there already is looked at.
    """

    def __init__(self, setting: Setting, wanted: Sequence[str]) -> None:
        self.corrected, self.people, self.trusted = screening(setting)
        self.setting = without_corrections(self.corrected)
        self.wanted = wanted
        self._start: Path | None = None

    def distances(
        self, arm: Arm, start: Start, train: bool, seeds: int | None = None, decode: str = DECODE
    ) -> np.ndarray | None:
        """Distances (N, seeds x K) of a variant; None where it is not trained under this budget and not to be."""
        every = range(self.setting.budget.seeds if seeds is None else seeds)
        found = [one for seed in every if (one := self._distances(arm, start, train, seed, decode)) is not None]
        return np.hstack(found) if len(found) == len(every) else None

    def _distances(self, arm: Arm, start: Start, train: bool, seed: int, decode: str) -> np.ndarray | None:
        recipe = arm.recipe(self.setting.budget.recipe(base_recipe(start), seed))
        setting = self.corrected if arm.corrected else self.setting
        if arm.corrected and setting.data == self.setting.data:
            return None  # nobody named corrections
        last = last_checkpoint(self.setting.work / f"{arm.slug}-s{seed}", recipe)
        if train:
            if start == "trained" and self._start is None:
                self._start = common_start(self.setting)
            trained(setting, arm, base_recipe(start), seed, self._start if start == "trained" else None)
        elif not _finished(last, replace(recipe, rounds=1, seed=recipe.seed + recipe.rounds - 1)):
            return None
        return judged(last, self.people, decode)

    def measure(self, factor: Factor, arm: Arm, seeds: int | None = None) -> Measured | None:
        """A variant of a factor beside its baseline; None where one of them is not trained and not to be."""
        train = factor.name in self.wanted
        baseline = self.distances(_against(factor), factor.start, train, seeds)
        ours = self.distances(arm, factor.start, train, seeds) if baseline is not None else None
        return None if ours is None or baseline is None else self._chosen(factor, Measured(arm.label, ours, baseline))

    def measure_decode(self, factor: Factor, decode: str) -> Measured | None:
        """The baseline's heatmaps read by another method."""
        train = factor.name in self.wanted
        baseline = self.distances(BASELINES[factor.start], factor.start, train)
        if baseline is None:
            return None
        ours = self.distances(BASELINES[factor.start], factor.start, train, decode=decode)
        assert ours is not None
        return self._chosen(factor, Measured(f"{decode}, where the others have {DECODE}", ours, baseline))

    def repeats(self, factor: Factor) -> float | None:
        """The largest difference between the baseline and its repetitions with other seeds; None without one."""
        found = [self.measure(replace(factor, against=""), arm, 1) for arm in REPEATS[factor.start]]
        return max((abs(one.difference()[0]) for one in found if one), default=None)

    def _chosen(self, factor: Factor, measured: Measured) -> Measured:
        people = self.trusted if factor.trusted_only else np.ones(len(self.trusted), bool)
        return replace(measured, ours=measured.ours[people], baseline=measured.baseline[people])


def run_study(setting: Setting, study: Study) -> Result:
    """Train, measure and judge the factors named by ``--only``, or all; what is not trained is said to be so.

    Raises:
        RecipeError: when ``--only`` names no factor of the study.
    """
    names = [factor.name for factor in study.factors]
    unknown = sorted(set(setting.only) - set(names))
    if unknown:
        raise RecipeError(f"--only {', '.join(unknown)}: the factors of {setting.name} are {', '.join(names)}")
    screen = Screen(setting, setting.only or names)
    chosen = setting.only or ()
    rows: dict[str, list[Row]] = {}
    claims: dict[str, list[Claim]] = {}
    drawn: dict[str, dict[str, tuple[float, float, float]]] = {}
    for factor in sorted(study.factors, key=lambda factor: [*chosen, factor.name].index(factor.name)):
        rows[factor.name], claims[factor.name], drawn[factor.name] = _factor(screen, factor)
    described = setting.described(base_recipe("trained")) | {
        "judged by": _described(screen.people, screen.trusted),
        "the trained network": f"`fold_lsp` without the first of {FOLDS} folds: by `--checkpoint`, or trained first",
    }
    shown = {label: interval for name in names for label, interval in drawn[name].items()}
    pictures = [save_figure(draw_differences(shown, DIFFERENCE), setting.out, setting.name)] if shown else []
    notes = [
        "'Helps' and 'hurts' need an interval over people without 0, and a difference larger than that between two "
        "trainings of the baseline with different seeds; without such a pair, nothing is told.",
        "'Cannot tell' is said of this budget: no refutation.",
        "No test image is looked at.",
        *study.notes,
    ]
    return Result(
        setting.name, study.title, SOURCE, [row for name in names for row in rows[name]],
        [claim for name in names for claim in claims[name]], described, pictures, notes,
    )  # fmt: skip


def ablation(setting: Setting) -> Result:
    """One factor of the recipe at a time."""
    return run_study(setting, ABLATION)


def combination(setting: Setting) -> Result:
    """Parts of the other papers in the soft-gated network."""
    return run_study(setting, COMBINATION)


def confirmation(setting: Setting) -> Result:
    """The variants that gained most on the pages of both studies in ``out``, again at this budget, with all its seeds.

    Raises:
        RecipeError: when no page is there, not one variant on them gains, or ``--only`` names the factor of none that
            is among the best.
    """
    gains: dict[str, float] = {}
    for name in ("our_ablation", "our_combination"):
        page = setting.out / f"{name}.json"
        if page.exists():
            gains |= {
                row["label"]: row["measured"].get(DIFFERENCE, [0])[0] for row in json.loads(page.read_text())["rows"]
            }
    arms = {_label(f, arm): (f, arm) for study in (ABLATION, COMBINATION) for f in study.factors for arm in f.variants}
    best = sorted((label for label in arms if gains.get(label, 0) > 0), key=lambda label: -gains[label])[:CONFIRMED]
    if not best:
        raise RecipeError(f"{setting.out}: no page of our_ablation or our_combination with a variant that gains")
    factors: dict[str, Factor] = {}
    for factor, arm in (arms[label] for label in best):
        others = factors[factor.name].variants if factor.name in factors else ()
        factors[factor.name] = replace(factor, variants=[*others, arm])
    start = setting.work / "start-s0" / "last.ckpt"
    larger = replace(
        setting, work=setting.work / "confirmation",
        checkpoint=setting.checkpoint or (start if start.exists() else None),
    )  # fmt: skip
    return run_study(larger, Study(f"The best {len(best)} variants at a larger budget", list(factors.values())))


def _factor(screen: Screen, factor: Factor) -> tuple[list[Row], list[Claim], dict[str, tuple[float, float, float]]]:
    measured = {_label(factor, arm): screen.measure(factor, arm) for arm in factor.variants}
    measured |= {f"{factor.label}: {method}": screen.measure_decode(factor, method) for method in factor.decodes}
    noise = screen.repeats(factor) if factor.variants else 0.0
    sizes = _sizes(screen.setting, factor) if any(measured.values()) else {}
    rows, claims, drawn = [], [], {}
    for label, one in measured.items():
        if one is None:
            command = f"`leanpose reproduce {screen.setting.name} --only {factor.name}`"
            rows.append(Row(label, {}, sizes.get(label, {}), f"not trained yet: {command}"))
            continue
        drawn[label] = difference, low, high = one.difference()
        rows.append(Row(label, {}, {**_scores(one), DIFFERENCE: [difference], **sizes.get(label, {})}))
        verdict: Verdict = "cannot tell"
        if noise is not None and abs(difference) > noise and low * high > 0:
            verdict = "helps" if difference > 0 else "hurts"
        seeds = "no other seed" if noise is None else f"{noise:.1f} between seeds"
        claims.append(Claim(label, verdict, f"{difference:+.1f} points, {low:+.1f} to {high:+.1f}, {seeds}"))
    return rows, claims, drawn


def _label(factor: Factor, arm: Arm) -> str:
    return f"{factor.label}: {arm.label}"


def _against(factor: Factor) -> Arm:
    if not factor.against:
        return BASELINES[factor.start]
    return next(arm for other in ABLATION.factors for arm in other.variants if arm.slug == factor.against)


def _scores(one: Measured) -> dict[str, list[float]]:
    known = ~np.isnan(one.ours)
    found = {f"PCK@{limit:g}": 100 * float((one.ours[known] <= limit).mean()) for limit in (THRESHOLD, THRESHOLD / 2)}
    was = 100 * float((one.baseline[known] <= THRESHOLD).mean())
    return {**{name: [value] for name, value in found.items()}, "baseline": [was]}


def _sizes(setting: Setting, factor: Factor) -> Mapping[str, Mapping[str, Sequence[float]]]:
    """Multiply-adds and latency of the variants and their baseline, where they differ."""
    if not factor.timed:
        return {}
    base = setting.budget.recipe(base_recipe(factor.start), 0)
    recipes: dict[str, Recipe] = {_label(factor, arm): arm.recipe(base) for arm in factor.variants}
    recipes[""] = base
    times = latencies_ms(recipes, setting.work / "latency.json")
    macs = {
        label: complexity(create_model(r.model, JOINTS, **r.model_args), r.input_hw).macs
        for label, r in recipes.items()
    }
    return {
        label: {"MACs, G": [macs[label] / 1e9], "ms": [times[label]], "ms, baseline": [times[""]]}
        for label in recipes
        if label
    }


def _finished(last: Path, recipe: Recipe) -> bool:
    if not last.exists():
        return False
    stored = read_checkpoint(last)
    return stored.finished and stored.recipe == recipe


def _described(people: Sequence[Sample], trusted: np.ndarray) -> str:
    """Who judges, in words."""
    kinds = [person.dataset for person in people]
    parts = [
        f"{sum(np.equal(trusted, own) & (np.array(kinds) == kind))} people of {kind} " + ("val" if own else "held out")
        for kind in dict.fromkeys(kinds)
        for own in (True, False)
        if any(np.equal(trusted, own) & (np.array(kinds) == kind))
    ]
    return " and ".join(parts) + f" (at most {HELD_OUT} of the first of {FOLDS} folds), no flip test"
