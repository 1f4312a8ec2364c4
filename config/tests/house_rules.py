"""The house rules that no linter knows, each a function from source to the places that break it."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

LONGEST_FILE = 400
LONGEST_FUNCTION = 50

DOORS = frozenset({"views", "page_views", "console", "api", "consumers", "tasks", "admin"})
"""Modules that translate; so do those whose name ends in `DOOR_ENDS`, and those of `DOOR_FOLDERS`."""
DOOR_ENDS = ("_pages", "_admin")
DOOR_FOLDERS = frozenset({"api", "commands"})
BLIND_NAMES = frozenset({"utils", "helpers", "common", "services", "signals", "misc", "base_utils"})
"""Names that say nothing of what is inside."""
OBJECT_LOOKUPS = frozenset({"get", "aget", "get_or_create", "get_object_or_404", "aget_object_or_404"})
ON_COMMIT = frozenset({"delay", "apply_async"})
WAITING = Path("accounts/tests/waiting.py")
"""Where tests wait for other processes, and nowhere else."""
PAUSES = frozenset({"sleep", "wait_for_timeout"})
OF_THE_MOMENT = frozenset({"now", "today", "uuid4", "uuid7"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
MACHINE_PATH = re.compile(r"/(?:home|Users|root|work)/[A-Za-z0-9._-]+/")


@dataclass(frozen=True)
class Module:
    """One source file, parsed; `path` is relative to the project."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @property
    def is_test(self) -> bool:
        """Whether it belongs to the tests or the benchmarks."""
        return bool({"tests", "benchmarks"} & set(self.path.parts)) or self.path.name == "conftest.py"

    @property
    def is_suite(self) -> bool:
        """Whether it belongs to the suite, which benchmarks do not."""
        return self.is_test and "benchmarks" not in self.path.parts

    @property
    def is_door(self) -> bool:
        """Whether it is a door: a page, a consumer, a part of the API or the dashboard, a task or a command."""
        named = self.path.stem in DOORS or self.path.stem.endswith(DOOR_ENDS)
        return not self.is_test and (named or bool(DOOR_FOLDERS & set(self.path.parts)))

    @property
    def name(self) -> str:
        """Its dotted name."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def at(self, node: ast.AST) -> str:
        """Return where a node is, as a reader can open it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


Rule = Callable[[Module], Iterator[str]]


def no_raw_lookup_in_doors(module: Module) -> Iterator[str]:
    """Doors get objects from `access.py`, which knows who may see them."""
    if not module.is_door:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in OBJECT_LOOKUPS and _is_manager(node.value):
            yield f"{module.at(node)} .objects.{node.attr}"
        if isinstance(node, ast.Name) and node.id in OBJECT_LOOKUPS:
            yield f"{module.at(node)} {node.id}"


def only_nudges_on_commit(module: Module) -> Iterator[str]:
    """A task is sent with `delay_on_commit`: sent earlier, it may run before its row exists."""
    if module.is_test:
        return
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ON_COMMIT
        ):
            yield f"{module.at(node)} .{node.func.attr}("


def no_long_file(module: Module) -> Iterator[str]:
    """A file fits into a head."""
    lines = module.text.count("\n")
    if lines > LONGEST_FILE:
        yield f"{module.path} has {lines} lines"


def no_long_function(module: Module) -> Iterator[str]:
    """A function fits on a screen; a test may set a stage."""
    for node in ast.walk(module.tree):
        if isinstance(node, FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{module.at(node)} {node.name} has {lines} lines"


def no_import_in_function(module: Module) -> Iterator[str]:
    """An import inside a function hides a tangle."""
    functions = [node for node in ast.walk(module.tree) if isinstance(node, FUNCTIONS)]
    imports = (ast.Import, ast.ImportFrom)
    lines = {
        node.lineno for function in functions for node in ast.walk(function) if isinstance(node, imports)
    }
    yield from (f"{module.path}:{line}" for line in sorted(lines))


def no_blind_name(module: Module) -> Iterator[str]:
    """A module is named for its subject."""
    for part in (*module.path.parts[:-1], module.path.stem):
        if part in BLIND_NAMES:
            yield f"{module.path} is called {part}"


def only_a_docstring_in_init(module: Module) -> Iterator[str]:
    """A package file holds a docstring at most."""
    if module.path.name == "__init__.py" and "settings" not in module.path.parts:
        body = module.tree.body
        if len(body) > 1 or (body and not (isinstance(body[0], ast.Expr) and _is_text(body[0].value))):
            yield f"{module.path} holds code"


def no_machine_path(module: Module) -> Iterator[str]:
    """No path of one machine is written down."""
    for number, line in enumerate(module.text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{module.path}:{number}"


def no_hidden_reference(module: Module) -> Iterator[str]:
    """What import contracts cannot see is not used: models by name, tasks by name, receivers between apps."""
    hidden = {"get_model", "send_task", "post_save", "pre_save", "m2m_changed", "post_delete", "pre_delete"}
    for node in ast.walk(module.tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in hidden:
            yield f"{module.at(node)} {name}"


def no_pause_in_tests(module: Module) -> Iterator[str]:
    """What a test waits for announces itself, or is looked for in `WAITING`; letting others go first is no pause."""
    if not module.is_suite or module.path == WAITING:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _called(node) in PAUSES and not _is_no_time(node.args):
            yield f"{module.at(node)} {_called(node)}"


def nothing_of_the_moment_at_import(module: Module) -> Iterator[str]:
    """Every worker of a run imports the same tests: no moment and no chance is part of what they hold."""
    if not module.is_suite:
        return
    for node in _at_import(module.tree):
        if isinstance(node, ast.Call) and _called(node) in OF_THE_MOMENT:
            yield f"{module.at(node)} {_called(node)}"


def long_assets(root: Path) -> Iterator[str]:
    """Yield the style sheets and scripts that do not fit into a head either."""
    for path in sorted(root.rglob("*")):
        if path.suffix in {".css", ".js"}:
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > LONGEST_FILE:
                yield f"{path.relative_to(root)} has {lines} lines"


RULES: tuple[Rule, ...] = (
    no_raw_lookup_in_doors,
    only_nudges_on_commit,
    no_long_file,
    no_long_function,
    no_import_in_function,
    no_blind_name,
    only_a_docstring_in_init,
    no_machine_path,
    no_hidden_reference,
    no_pause_in_tests,
    nothing_of_the_moment_at_import,
)


@cache
def modules(root: Path) -> tuple[Module, ...]:
    """Return every source file of the project, migrations left out: they are written once, by a machine."""
    return tuple(_read(root))


def _read(root: Path) -> Iterator[Module]:
    skipped = {"migrations", "node_modules"}
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        if not (skipped & set(relative.parts)) and not any(part.startswith(".") for part in relative.parts):
            yield Module(relative, path.read_text(encoding="utf-8"))


def _is_manager(node: ast.expr) -> bool:
    """Return whether an expression is a model's manager or a queryset made from it."""
    while isinstance(node, ast.Call | ast.Attribute):
        if isinstance(node, ast.Attribute) and node.attr in {"objects", "_default_manager", "_base_manager"}:
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return False


def _called(node: ast.Call) -> str:
    """Return the last part of the name that is called."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else str(getattr(function, "id", ""))


def _is_no_time(arguments: list[ast.expr]) -> bool:
    return len(arguments) == 1 and isinstance(arguments[0], ast.Constant) and arguments[0].value == 0


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is computed when a module is imported: all but the insides of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            defaults = [default for default in child.args.kw_defaults if default]
            parts: list[ast.AST] = [*child.decorator_list, *child.args.defaults, *defaults]
        else:
            parts = [] if isinstance(child, ast.Lambda) else [child]
        for part in parts:
            yield part
            yield from _at_import(part)


def _is_text(node: ast.expr) -> bool:
    """Return whether an expression is a plain string."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
