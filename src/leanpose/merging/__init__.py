"""Merging of labels with what teachers say of the same people: no place stands that only one of them believes."""

from leanpose.merging.merge import common_skeleton, merge
from leanpose.merging.rules import Merged, Rules
from leanpose.merging.word import Word, read_word

__all__ = ["Merged", "Rules", "Word", "common_skeleton", "merge", "read_word"]
