"""Move the library to another embedding model: build its space, gate it, promote it."""

from argparse import ArgumentParser
from typing import cast

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.module_loading import import_string
from tqdm import tqdm
from typing_extensions import override

from coaching.providers import registry
from coaching.providers.ports import EmbeddingModel, ProviderError
from knowledge import space_gate, spaces
from knowledge.models import EmbeddingSpace

GATE_REFUSED = 3
PROVIDER_FAILED = 4


class Command(BaseCommand):
    """`manage.py reembed`: safe to stop at any time and to run again; it goes on where it was."""

    help = (
        "Builds the vectors of an embedding model beside the active ones, checks that they find at least as "
        "much, and makes them the active ones. Stopped, it goes on where it was. "
        "Exit codes: 0 done or nothing to do, 1 wrong use, 3 the new vectors find less, 4 the model failed."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--model", help="Dotted path of what builds the new model (default: the configured one)."
        )
        parser.add_argument("--old-model", help="Dotted path of the active model, to compare the two.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")
        parser.add_argument(
            "--no-promote", action="store_true", help="Build and gate, but leave the old space active."
        )
        parser.add_argument("--sample", type=int, default=space_gate.SAMPLE, help="Questions of the gate.")
        parser.add_argument(
            "--remove-retired", action="store_true", help="Delete the vectors of retired spaces."
        )

    @override
    def handle(self, **options: object) -> None:
        model = _model(options["model"]) if options["model"] else registry.embeddings()
        if options["dry_run"]:
            self._foresee(model)
            return
        try:
            self._move(model, options)
        except ProviderError as error:
            message = f"The embedding model failed ({type(error).__name__}). Run this again to go on."
            raise CommandError(message, returncode=PROVIDER_FAILED) from error
        except spaces.NotPromotable as error:
            raise CommandError(str(error)) from error
        if options["remove_retired"]:
            self._remove_retired()

    def _foresee(self, model: EmbeddingModel) -> None:
        active = EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.ACTIVE).first()
        begun = EmbeddingSpace.objects.exclude(state=EmbeddingSpace.State.RETIRED).filter(
            provider=model.provider, model=model.model, dimensions=model.dimensions
        )
        space = begun.first() or EmbeddingSpace(provider=model.provider, model=model.model)
        waiting = spaces.missing(space).count() if space.pk else spaces.live_passages().count()
        self.stdout.write(f"Active: {active or 'none'}. Wanted: {space}, {waiting} vectors to make.")

    def _move(self, model: EmbeddingModel, options: dict[str, object]) -> None:
        space = spaces.begin(model)
        made = self._build(space, model)
        spaces.ensure_index(space)
        if space.state == EmbeddingSpace.State.ACTIVE:
            self.stdout.write(f"{space} is the active space; {made} missing vectors were made.")
            return
        self._gate(space, model, options)
        if options["no_promote"]:
            self.stdout.write(f"{space} is ready; run again without --no-promote to make it the active one.")
            return
        spaces.promote(space=space, now=timezone.now())
        self.stdout.write(self.style.SUCCESS(f"{space} is the active space now."))

    def _build(self, space: EmbeddingSpace, model: EmbeddingModel) -> int:
        with tqdm(total=spaces.missing(space).count(), unit=" passages", disable=None) as bar:

            def advance(made: int, _total: int) -> None:
                bar.update(made - bar.n)

            return spaces.build(space=space, model=model, on_progress=advance)

    def _gate(self, space: EmbeddingSpace, model: EmbeddingModel, options: dict[str, object]) -> None:
        """Compare with the active space. Raises CommandError when the new one finds less."""
        gate = space_gate.measure(
            new=(space, model),
            old=_old(options["old_model"]),
            golden=space_gate.golden_set(most=cast(int, options["sample"])),
        )
        old = "not asked" if gate.old is None else f"{gate.old:.3f}"
        self.stdout.write(f"Gate on {gate.questions} questions: recall@10 old {old}, new {gate.new:.3f}.")
        if not gate.holds:
            message = "The new vectors find less than the old ones; the old space stays active."
            raise CommandError(message, returncode=GATE_REFUSED)

    def _remove_retired(self) -> None:
        for space in EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.RETIRED):
            name, removed = str(space), spaces.remove(space=space)
            self.stdout.write(f"Removed {name}: {removed} vectors.")


def _old(path: object) -> tuple[EmbeddingSpace, EmbeddingModel] | None:
    """Return the active space with its model, if either the option or the settings name that model."""
    active = EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.ACTIVE).first()
    if active is None:
        return None
    model = _model(path) if path else registry.embeddings()
    return (active, model) if spaces.belongs_to(active, model) else None


def _model(path: object) -> EmbeddingModel:
    try:
        return cast(EmbeddingModel, import_string(str(path))())
    except ImportError as error:
        raise CommandError(f"There is no embedding model at {path}.") from error
