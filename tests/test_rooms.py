"""The rooms of the house: what may import what, and that no two modules need each other (docs/architecture.md)."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
# from the ground up: a room imports what stands before it, and from `models` on torch is needed
ROOMS = (
    "core", "media", "pose", "engines", "estimate", "batch", "serve", "datasets", "measure",
    "models", "export", "training", "benchmark", "cli", "lab",
)  # fmt: skip
# Who gives a checkpoint where a model is wanted has torch: opened when it happens, from below.
DOORS = {
    ("leanpose.engines.zoo", "leanpose.training.checkpoint"),
    ("leanpose.estimate.estimator", "leanpose.training.torch_engine"),
    ("leanpose.cli.lab", "lab"),
}


DOORSTEP = {"__init__.py", "__main__.py", "py.typed"}  # of no room: the public names, and the command


def _modules() -> dict[str, Path]:
    folders = ((ROOT / "src", "leanpose"), (ROOT, "lab"))
    files = {path: base for base, name in folders for path in (base / name).rglob("*.py")}
    names = {path: ".".join(path.relative_to(base).with_suffix("").parts) for path, base in files.items()}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


def _imports(path: Path, modules: dict[str, Path]) -> set[str]:
    """Modules that a file imports anywhere in it, but for its types alone."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module for name in whole}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & modules.keys()


def _room(module: str) -> int:
    parts = module.removeprefix("leanpose").strip(".").split(".")
    return ROOMS.index(parts[0]) if parts[0] not in ("", "__main__") else -1  # leanpose itself names public classes


MODULES = _modules()
ARROWS = {(name, other) for name, path in MODULES.items() for other in _imports(path, MODULES) - {name}} - DOORS


def test_every_entry_of_the_package_is_a_room() -> None:
    entries = {path.name for path in (ROOT / "src" / "leanpose").iterdir()} - {"__pycache__", *DOORSTEP}
    assert entries == {*ROOMS, "zoo", "web"} - {"lab"}


def test_a_room_imports_only_what_stands_before_it() -> None:
    assert [f"{a} -> {b}" for a, b in sorted(ARROWS) if _room(a) != -1 and _room(b) > _room(a)] == []


def test_no_two_modules_need_each_other() -> None:
    graph = {name: {b for a, b in ARROWS if a == name} for name in MODULES if _room(name) != -1}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None
