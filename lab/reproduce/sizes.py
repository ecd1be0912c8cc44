"""Tables of sizes: printed parameters and operations beside what we count, with scores where they can be trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from lab.reproduce.ablation import Ablation
from lab.reproduce.result import Claim, Result, Row
from lab.reproduce.trainings import Arm, Setting
from leanpose.models import REGISTRY
from leanpose.models.comparison import TOLERANCE, Comparison, compare
from leanpose.models.registry import PUBLISHED_ONLY
from leanpose.training.recipes import Recipe

PARAMS, OPERATIONS = "parameters, M", "operations, G"


@cache
def _comparisons(name: str) -> list[Comparison]:
    """Counting takes seconds for the deep networks, and several tables list the same."""
    return compare(REGISTRY[name])


@dataclass(frozen=True)
class SizeTable:
    """A table that lists networks with their sizes and scores.

    Attributes:
        title, source: of the result.
        networks: (the paper's label, registry name or name of a network that is only printed).
        metric: the score that the table prints, a key of ``Published.scores``.
        input_hw: of the table; networks printed at several inputs are compared at this one.
        base: recipe of the trainings that ``--train`` adds.
        notes: for the page.
    """

    title: str
    source: str
    networks: Sequence[tuple[str, str]]
    metric: str
    input_hw: tuple[int, int]
    base: Recipe
    notes: Sequence[str] = ()

    def run(self, setting: Setting) -> Result:
        """Count every network; with ``--train`` also train and measure them all under the budget."""
        rows, misfits = [], []
        for label, name in self.networks:
            if name in PUBLISHED_ONLY:
                printed = PUBLISHED_ONLY[name]
                rows.append(Row(label, self._published(printed), missing=f"no network here: {printed.note}"))
                continue
            compared = self._compared(name)
            measured = {PARAMS: [compared.counted.params / 1e6], OPERATIONS: [compared.operations]}
            missing = f"{self.metric} needs its dataset: `leanpose train` with the paper's recipe"
            rows.append(Row(f"{label} (`{name}`)", self._published(compared.published), measured, missing))
            if not compared.fits:
                misfits.append(f"{name}: {compared.published.note}")
        counted = sum(name in REGISTRY for _, name in self.networks)
        claim = Claim(
            "the printed parameters and operations belong to these networks",
            "cannot tell" if misfits else "agrees",
            f"{counted - len(misfits)} of {counted} within {TOLERANCE:g} % of both",
        )
        notes = [*self.notes, *misfits]
        result = Result(setting.name, self.title, self.source, rows, [claim], setting.described(), notes=notes)
        return self._with_scores(result, setting) if setting.train else result

    def _compared(self, name: str) -> Comparison:
        compared = [c for c in _comparisons(name) if c.published.params_m is not None]
        return next((c for c in compared if c.published.input_hw == self.input_hw), compared[0])

    def _published(self, printed) -> dict[str, float]:
        columns = {PARAMS: printed.params_m, OPERATIONS: printed.macs_g, self.metric: printed.scores.get(self.metric)}
        return {column: value for column, value in columns.items() if value is not None}

    def _with_scores(self, counted: Result, setting: Setting) -> Result:
        networks = [(label, name) for label, name in self.networks if name in REGISTRY]
        arms = [Arm(f"network_{name}", f"{label} (`{name}`)", name) for label, name in networks]
        scored = Ablation(self.title, self.source, self.base, arms, ()).run(setting)
        columns = {row.label: {c: v for c, v in row.measured.items() if c != PARAMS} for row in scored.rows}
        rows = [
            Row(row.label, row.published, {**row.measured, **columns.get(row.label, {})}, row.missing)
            for row in counted.rows
        ]
        notes = [*counted.notes, *scored.notes]
        return Result(
            counted.name, counted.title, counted.source, rows, counted.claims, dict(scored.setting), notes=notes
        )
