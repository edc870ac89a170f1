"""The rooms, as docs/architecture.md has them: imports run down, never in a circle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "amber_mcp"


def room_of(module: str) -> str:
    """The file at the package's root, or the folder, that a module belongs to."""
    return ".".join(module.split(".")[:2])


def imported_by(path: Path, package: str) -> set[str]:
    """The modules of ours that a file names in its imports, wherever in it these stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = [*above, node.module] if node.level else [node.module]
            name = ".".join(part for part in base if part)
            found |= {f"{name}.{each.name}" for each in node.names} | {name}
    return {name for name in found if name.split(".")[0] == "amber_mcp"}


def test_no_room_imports_what_imports_it() -> None:
    rooms = {f"amber_mcp.{path.stem}" for path in PACKAGE.iterdir()}
    arrows: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        *package, name = path.relative_to(PACKAGE.parent).with_suffix("").parts
        room = room_of(".".join([*package, name]))
        imported = {room_of(each) for each in imported_by(path, ".".join(package))}
        arrows.setdefault(room, set()).update(imported & rooms - {room})
    assert "amber_mcp.app" in arrows["amber_mcp.tools"]
    assert arrows["amber_mcp.sandbox"] == set()  # It is a reading of the documents of its own.
    TopologicalSorter(arrows).prepare()  # It raises CycleError.
