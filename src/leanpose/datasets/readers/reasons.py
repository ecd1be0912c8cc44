"""Why entries of a dataset were left out, a counted line for each kind of reason; and that nobody is left."""

import re
from collections.abc import Iterable, Sequence

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Part, parse_spec

MOST = 8  # kinds of reasons that are shown
DIVIDED = ("coco",)  # kinds whose files are divided by the names of their images, unless part= says otherwise

# What tells messages of one kind apart: words in quotes, and words with digits or slashes (names, ids, numbers).
_OWN = re.compile(r"'[^']*'|\"[^\"]*\"|\S*[\d/]\S*")


def reasons(messages: Iterable[str], most: int = MOST) -> list[str]:
    """A line for each kind of reason: its first message, and how many more are like it.

    Messages are of one kind when they differ in quoted words, names and numbers alone. The same message counts once,
    because a file that serves several parts is read for each. The kinds come in the order of their first messages,
    the ``most`` first of them, and a line says how many messages are of others.
    """
    kinds: dict[str, list[str]] = {}
    for message in dict.fromkeys(messages):
        kinds.setdefault(_OWN.sub("#", message), []).append(message)
    shown = list(kinds.values())[:most]
    lines = [alike[0] + (f" (and {len(alike) - 1:,} more like it)" if len(alike) > 1 else "") for alike in shown]
    rest = sum(map(len, kinds.values())) - sum(map(len, shown))
    return [*lines, f"and {rest:,} more, for other reasons"] if rest else lines


def nobody(purpose: str, specs: Sequence[str], parts: Sequence[Part], problems: Iterable[str]) -> DatasetError:
    """The error for datasets without a single person, with the reasons for it that the readers gave, a line each.

    Args:
        purpose: what they were read for, such as ``"to inspect"``.
        problems: a message for each entry that was left out.
    """
    named = f"part{'s' if len(parts) > 1 else ''} {', '.join(parts)}"
    said = f"nobody {purpose} is in the {named} of {', '.join(specs)}"
    left_out = list(dict.fromkeys(problems))
    if left_out:
        return DatasetError("\n  ".join((f"{said}: {len(left_out):,} left out", *reasons(left_out))))
    said += ": nothing was left out, no person with a labelled joint is there"
    undivided = any(
        kind in DIVIDED and path.is_file() and "whole" not in options for kind, path, options in map(parse_spec, specs)
    )
    if undivided and len(parts) < 3:
        said += f"; a file is divided by its images' names: ,part={parts[-1]} behind it takes all of it"
    return DatasetError(said)
