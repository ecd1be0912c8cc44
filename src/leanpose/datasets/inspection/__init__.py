"""Inspection of datasets: what is in them, and what is wrong with them."""

from leanpose.datasets.inspection.findings import GRADES, KINDS, Finding, Kind, by_kind
from leanpose.datasets.inspection.inspection import IMAGES, Inspection, inspect_data, inspect_samples

__all__ = ["GRADES", "IMAGES", "KINDS", "Finding", "Inspection", "Kind", "by_kind", "inspect_data", "inspect_samples"]
