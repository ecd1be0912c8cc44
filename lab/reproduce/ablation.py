"""Tables that compare variants of a network: every arm trained with every seed, then measured on the test part."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.reproduce.plots import draw_scores, save_figure
from lab.reproduce.result import Result, Row
from lab.reproduce.trainings import Arm, Setting, score, trained
from lab.reproduce.verdict import compare
from leanpose.models import create_model
from leanpose.models.complexity import complexity
from leanpose.training.recipes import Recipe

JOINTS = 14  # only for the count of parameters in the table; heads are a small part of them


@dataclass(frozen=True)
class Ablation:
    """A table of variants and what its paper concludes.

    Attributes:
        title, source: of the result.
        base: recipe that all arms share.
        arms: the rows.
        claims: (better slug, worse slug, statement).
        notes: for the page.
    """

    title: str
    source: str
    base: Recipe
    arms: Sequence[Arm]
    claims: Sequence[tuple[str, str, str]]
    notes: Sequence[str] = ()

    def run(self, setting: Setting) -> Result:
        """Train, measure, compare. Seeds go round by round, so that an interrupted run has whole rounds."""
        scores: dict[str, list[float]] = {arm.slug: [] for arm in self.arms}
        metric = ""
        for seed in range(setting.budget.seeds):
            for arm in self.arms:
                metric, value = score(setting, trained(setting, arm, self.base, seed))
                scores[arm.slug].append(value)
        rows = [
            Row(arm.label, arm.published or {}, {"parameters, M": [self._params(arm)], metric: scores[arm.slug]})
            for arm in self.arms
        ]
        claims = [compare(statement, scores[a], scores[b]) for a, b, statement in self.claims]
        notes = [
            "The paper trains another budget on other data: compare the order of the rows, not their figures.",
            "Verdicts ask whether a difference shows beyond the spread over seeds; 'cannot tell' is no refutation.",
            *self.notes,
        ]
        drawn = draw_scores({arm.label: scores[arm.slug] for arm in self.arms}, metric)
        picture = save_figure(drawn, setting.out, setting.name)
        described = setting.described(self.base)
        return Result(setting.name, self.title, self.source, rows, claims, described, [picture], notes)

    def _params(self, arm: Arm) -> float:
        recipe = arm.recipe(self.base)
        network = create_model(recipe.model, JOINTS, **recipe.model_args)
        return complexity(network, recipe.input_hw).params / 1e6
