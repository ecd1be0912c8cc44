"""Cleaning of labels: what networks say that were trained without them."""

from leanpose.cleaning.rules import Rules, find_corrections
from leanpose.cleaning.support import Support, support_of

__all__ = ["Rules", "Support", "find_corrections", "support_of"]
