"""The page that lists all reproductions with what came of them: ``python -m lab.reproduce.index FOLDER``."""

import json
import sys
from pathlib import Path

from lab.reproduce import REPRODUCTIONS
from leanpose.core.files import write_whole

HEAD = """# The papers' tables, figures and claims

Each line is one command, `leanpose reproduce NAME`; its page has published beside measured figures, the setting and a
verdict on every claim. Verdicts on trained variants rest on small networks under small budgets on LSP and LSP-extended:
they say whether a difference shows there, not what the paper's full trainings would give. This list is written by
`python -m lab.reproduce.index docs/reproduction`.

| name | what | verdicts |
|---|---|---|
"""


def index(folder: Path) -> str:
    """The list, with links to the pages that ``folder`` holds."""
    lines = []
    for name, entry in REPRODUCTIONS.items():
        stored = folder / f"{name}.json"
        if not stored.exists():
            lines.append(f"| {name} | {entry.about} | not run yet |")
            continue
        claims = json.loads(stored.read_text())["claims"]
        verdicts = "; ".join(f"**{claim['verdict']}**: {claim['statement']}" for claim in claims)
        lines.append(f"| [{name}]({name}.md) | {entry.about} | {verdicts or 'no claim to judge'} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write_whole(target / "README.md", index(target).encode())
