"""Text from files as a terminal may show it: what would move its cursor, colour it or turn it around is spelled out."""

import re

# All control characters but tab and line feed, what overrides the direction of writing, and halves of surrogate pairs.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with such characters as escapes, ``\\x1b`` for example; other text as it is."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
