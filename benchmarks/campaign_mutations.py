"""Files broken at random from a seed: their bytes, and what their text says."""

import json
import random
from copy import deepcopy
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 0.5, 1e308, -1e308, float("nan"), float("inf"), 10**9, 10**25, 10**400, "", "x", "\x1b[2J", "\0",
    "../../x", "/etc/passwd", "é" * 300, [], {}, [[]], [None], [[1, 2], [3]], {"a": {}}, [0] * 3000,
)  # fmt: skip
CELLS = ("", "x", "-1", "1e308", "nan", "inf", "9" * 400, '"', "\0", "../../x", ",", ";", "\n", "é" * 300, "1e9999")


def broken(data: bytes, draw: random.Random) -> bytes:
    """The data with bytes changed, cut off, cut out, doubled, or with large numbers where lengths may be."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        at, size = draw.randrange(len(changed)), draw.choice((1, 4, 4, 64))
        what = draw.randrange(6)
        if what == 0:
            changed[at : at + size] = draw.randbytes(size)
        elif what == 1:
            changed[at : at + 4] = draw.choice(
                (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4))
            )
        elif what == 2 and len(changed) > 64:
            del changed[at : at + size]
        elif what == 3:
            changed[at:at] = changed[at : at + size]
        elif what == 4:
            changed[at] ^= 1 << draw.randrange(8)
        elif draw.random() < 0.2 and at > 16:
            del changed[at:]
    return bytes(changed)


def broken_json(data: bytes, draw: random.Random) -> bytes:
    """A JSON document with values of other kinds and sizes, without some, or with some twice; it stays JSON."""
    document = {"": json.loads(data)}
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        holders = list(_holders(document))
        holder = draw.choice(holders[:1] if len(holders) == 1 else holders[1:] if draw.random() < 0.95 else holders)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            continue
        key, what = draw.choice(keys), draw.randrange(8)
        if what == 0 and holder is not document:
            del holder[key]
        elif what == 1 and isinstance(holder, list):
            holder.insert(key, holder[key])
        elif what == 2:
            holder[key] = [holder[key]]
        elif what == 3:
            other = draw.choice(holders)
            holder[key] = json.loads(json.dumps(other))
        else:
            holder[key] = deepcopy(draw.choice(HOSTILE))
    return json.dumps(document[""]).encode()


def _holders(value: Any) -> Any:
    """All lists and objects within a document, itself first."""
    if isinstance(value, (dict, list)):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def broken_lines(data: bytes, draw: random.Random) -> bytes:
    """A text of lines with cells or words replaced, and lines lost, doubled or in another order."""
    lines = data.decode().splitlines(keepends=True)
    for _ in range(draw.choice((1, 1, 2, 5))):
        number, what = draw.randrange(len(lines)), draw.randrange(6)
        separator = "," if "," in lines[number] else " "
        cells = lines[number].split(separator)
        if what == 0 and len(lines) > 1:
            del lines[number]
        elif what == 1:
            lines.insert(draw.randrange(len(lines)), lines[number])
        elif what == 2:
            del cells[draw.randrange(len(cells))]
            lines[number] = separator.join(cells)
        else:
            cells[draw.randrange(len(cells))] = draw.choice(CELLS)
            lines[number] = separator.join(cells)
    return "".join(lines).encode()
