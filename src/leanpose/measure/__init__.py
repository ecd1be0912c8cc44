"""Measuring a model on annotated people: the figures of their benchmark, a report, and a submission file.

LSP is measured by PCK@0.2 of the torso, MPII by PCKh@0.5, everything else by OKS AP and AR. For LSP there are two box
protocols, because a box around the labelled joints tells the model the person's scale: ``"labels"`` gives that box,
``"centre"`` gives the image centre and one fixed scale for all images.
"""

from leanpose.measure.estimation import Estimates
from leanpose.measure.evaluation import Evaluation, Options, evaluate
from leanpose.measure.protocols import Metric
from leanpose.measure.report import group_table, record_scores, table, write_report
from leanpose.measure.submission import write_submission

__all__ = [
    "Estimates",
    "Evaluation",
    "Metric",
    "Options",
    "evaluate",
    "group_table",
    "record_scores",
    "table",
    "write_report",
    "write_submission",
]
