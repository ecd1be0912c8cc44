"""Merging of labels with teachers' predictions for the same people: a position needs two sources that agree on it."""

from leanpose.datasets.merging.merge import common_skeleton, merge
from leanpose.datasets.merging.rules import Merged, Rules
from leanpose.datasets.merging.word import Word, read_word

__all__ = ["Merged", "Rules", "Word", "common_skeleton", "merge", "read_word"]
