"""The house rules hold, and each of them would notice."""

import re
import tomllib
from pathlib import Path

import pytest

from config.tests import house_rules
from config.tests.house_rules import LONGEST_FILE, LONGEST_FUNCTION, Module, Rule

ROOT = Path(__file__).parents[2]

LONG_FUNCTION = "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION
PLANTED: list[tuple[Rule, str, str]] = [
    (house_rules.no_raw_lookup_in_doors, "a/views.py", "x = User.objects.get(pk=1)\n"),
    (house_rules.no_raw_lookup_in_doors, "a/consumers.py", "x = User.objects.filter(a=1).aget(pk=1)\n"),
    (house_rules.no_raw_lookup_in_doors, "a/admin.py", "x = get_object_or_404(User, pk=1)\n"),
    (house_rules.no_raw_lookup_in_doors, "a/management/commands/do.py", "x = User.objects.get(pk=1)\n"),
    (house_rules.no_raw_lookup_in_doors, "a/own_pages.py", "x = User.objects.get(pk=1)\n"),
    (house_rules.no_raw_lookup_in_doors, "a/team_admin.py", "x = User.objects.get(pk=1)\n"),
    (house_rules.no_raw_lookup_in_doors, "a/console.py", "x = User.objects.get(pk=1)\n"),
    (house_rules.no_raw_lookup_in_doors, "a/api/people.py", "x = User.objects.get(pk=1)\n"),
    (house_rules.only_nudges_on_commit, "a/handoff.py", "tell.delay(who=1)\n"),
    (house_rules.only_nudges_on_commit, "a/handoff.py", "tell.apply_async(kwargs={})\n"),
    (house_rules.no_long_file, "a/long.py", "x = 1\n" * (LONGEST_FILE + 1)),
    (house_rules.no_long_function, "a/long.py", LONG_FUNCTION),
    (house_rules.no_import_in_function, "a/lazy.py", "def f():\n    import os\n"),
    (house_rules.no_import_in_function, "a/lazy.py", "async def f():\n    from os import path\n"),
    (house_rules.no_blind_name, "a/utils.py", ""),
    (house_rules.no_blind_name, "a/services/mail.py", ""),
    (house_rules.only_a_docstring_in_init, "a/__init__.py", "from a.b import c\n"),
    (house_rules.no_machine_path, "a/b.py", 'x = "/ho' + 'me/somebody/x"\n'),
    (house_rules.no_hidden_reference, "a/b.py", 'apps.get_model("a", "B")\n'),
    (house_rules.no_hidden_reference, "a/b.py", "@receiver(post_save)\ndef f(): ...\n"),
    (house_rules.no_pause_in_tests, "a/tests/test_b.py", "def f():\n    time.sleep(0.1)\n"),
    (house_rules.no_pause_in_tests, "a/tests/test_b.py", "async def f():\n    await asyncio.sleep(PAUSE)\n"),
    (house_rules.no_pause_in_tests, "conftest.py", "def f(page):\n    page.wait_for_timeout(50)\n"),
    (house_rules.nothing_of_the_moment_at_import, "a/tests/test_b.py", "START = timezone.now()\n"),
    (house_rules.nothing_of_the_moment_at_import, "a/tests/test_b.py", "class A:\n    key = str(uuid4())\n"),
    (house_rules.nothing_of_the_moment_at_import, "a/tests/test_b.py", "@param([uuid4()])\ndef f(): ...\n"),
    (house_rules.nothing_of_the_moment_at_import, "a/tests/b.py", "def f(*, at=timezone.now()): ...\n"),
]
ALLOWED: list[tuple[Rule, str, str]] = [
    (house_rules.no_raw_lookup_in_doors, "a/access.py", "x = User.objects.get(pk=1)\n"),
    (house_rules.no_raw_lookup_in_doors, "a/views.py", "x = request.GET.get('q')\n"),
    (house_rules.no_raw_lookup_in_doors, "a/views.py", "x = access.readable(user, pk)\n"),
    (house_rules.only_nudges_on_commit, "a/handoff.py", "tell.delay_on_commit(who=1)\n"),
    (house_rules.no_long_file, "a/long.py", "x = 1\n" * LONGEST_FILE),
    (house_rules.no_long_function, "a/long.py", LONG_FUNCTION.replace("    x = 1\n", "", 1)),
    (house_rules.no_import_in_function, "a/eager.py", "import os\n"),
    (house_rules.no_blind_name, "a/handoff.py", ""),
    (house_rules.only_a_docstring_in_init, "a/__init__.py", '"""What a holds."""\n'),
    (house_rules.only_a_docstring_in_init, "a/__init__.py", ""),
    (house_rules.no_pause_in_tests, "a/tests/test_b.py", "async def f():\n    await asyncio.sleep(0)\n"),
    (house_rules.no_pause_in_tests, str(house_rules.WAITING), "def f():\n    time.sleep(0.1)\n"),
    (house_rules.no_pause_in_tests, "a/supervisor.py", "def f():\n    time.sleep(0.1)\n"),
    (house_rules.nothing_of_the_moment_at_import, "a/tests/b.py", "def f():\n    return timezone.now()\n"),
    (house_rules.nothing_of_the_moment_at_import, "a/tests/b.py", "now = lambda: timezone.now()\n"),
    (
        house_rules.nothing_of_the_moment_at_import,
        "a/tests/b.py",
        "at = field(default_factory=timezone.now)\n",
    ),
]


@pytest.mark.parametrize("rule", house_rules.RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Rule) -> None:
    assert [place for module in house_rules.modules(ROOT) for place in rule(module)] == []


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_rule_notices_what_breaks_it(rule: Rule, path: str, text: str) -> None:
    assert len(list(rule(Module(Path(path), text)))) == 1


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_a_rule_leaves_the_rest_alone(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Module(Path(path), text))) == []


def test_every_rule_has_a_violation_planted_for_it() -> None:
    assert {rule for rule, _, _ in PLANTED} == set(house_rules.RULES)


def test_a_contract_protects_every_door_from_being_imported() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    protected = [
        re.compile(each.replace(".", r"\.").replace("**", ".+").replace("*", r"\w+") + r"(\..+)?")
        for contract in contracts
        if contract["name"] in {"Nobody imports a door", "Only the dashboard imports what it is made of"}
        for each in contract["protected_modules"]
    ]
    open_doors = {
        module.name
        for module in house_rules.modules(ROOT)
        if module.is_door and not any(each.fullmatch(module.name) for each in protected)
    }
    # Tasks are nudged by use cases, commands are found by Django, and nothing stands above config.
    assert {
        name for name in open_doors if not re.match(r"config\.|.*\.(tasks|management\..*)$", name)
    } == set()


def test_no_style_sheet_and_no_script_is_long() -> None:
    assert list(house_rules.long_assets(ROOT / "static")) == []


def test_a_long_one_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / "css").mkdir()
    for name, lines in (
        ("css/long.css", LONGEST_FILE + 1),
        ("long.js", LONGEST_FILE + 1),
        ("fits.js", LONGEST_FILE),
    ):
        (tmp_path / name).write_text("\n" * lines, encoding="utf-8")
    assert list(house_rules.long_assets(tmp_path)) == [
        f"{name} has {LONGEST_FILE + 1} lines" for name in ("css/long.css", "long.js")
    ]
