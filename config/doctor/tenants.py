"""Does every row belong to the same organization as what it points at?

The walls are kept by the gates and by the database; this looks at what is there, whoever wrote it. Each model of
ours has a home: its own organization, or that of the first thing it must belong to. Every other key of a row
must lead to the same home.
"""

from collections.abc import Iterable, Iterator
from functools import cache

from django.apps import apps
from django.db.models import F, ForeignKey, Model

from accounts.models import Organization
from config.doctor.finding import Finding, fail, ok
from config.plural import plural

ROOMS = frozenset({"accounts", "coaching", "knowledge", "conversations", "assessments"})
Link = tuple[type[Model], str, str, str]
"""A model, the path to its home, the key that is compared, and the path to that one's home."""


def scope() -> Finding:
    """Look for rows whose organization disagrees with their parent's."""
    links = list(links_of(model for model in apps.get_models() if model._meta.app_label in ROOMS))  # noqa: SLF001
    astray = {f"{link[0].__name__}.{link[2]}": count for link in links if (count := disagreeing(link))}
    if astray:
        return fail(
            ", ".join(f"{name} {plural(count, 'row')}" for name, count in astray.items()),
            "Stop the processes and find out who wrote these rows: somebody may read another organization's.",
        )
    return ok(f"{plural(len(links), 'key')} lead to the same organization as their rows")


def links_of(models: Iterable[type[Model]]) -> Iterator[Link]:
    """Return every key that must lead to the organization of its row."""
    for model in models:
        home = home_of(model)
        for key in _keys(model):
            path = f"{key.name}__{home_of(_target(key))}" if home_of(_target(key)) else ""
            if home and path and path != home and _target(key) is not Organization:
                yield model, home, key.name, path


def disagreeing(link: Link) -> int:
    """Return how many rows have a key that leads elsewhere; staff belong to no organization and are left out."""
    model, home, _, path = link
    both = {f"{home}__isnull": False, f"{path}__isnull": False}
    return model._base_manager.filter(**both).exclude(**{home: F(path)}).count()  # noqa: SLF001


@cache
def home_of(model: type[Model]) -> str:
    """Return the path from a model to the organization that it belongs to, or nothing when it has none."""
    keys = sorted(_keys(model), key=lambda key: key.null)
    if any(_target(key) is Organization and key.name == "organization" for key in keys):
        return "organization_id"
    for key in keys:
        if _target(key) not in {model, Organization} and not key.null and (further := home_of(_target(key))):
            return f"{key.name}__{further}"
    return ""


def _keys(model: type[Model]) -> list["ForeignKey[Model, Model]"]:
    """Return the foreign keys of a model to models of ours."""
    found = [field for field in model._meta.get_fields() if isinstance(field, ForeignKey)]  # noqa: SLF001
    return [key for key in found if _target(key)._meta.app_label in ROOMS]  # noqa: SLF001


def _target(key: "ForeignKey[Model, Model]") -> type[Model]:
    target: type[Model] = key.remote_field.model
    return target
