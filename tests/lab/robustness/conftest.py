"""People with answers of known quality, as the measures are tested with."""

from ...measure.conftest import answering, people

__all__ = ["answering", "people"]
