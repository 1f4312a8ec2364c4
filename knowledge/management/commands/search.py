"""Ask the library from the command line and see how each leg ranked what it found."""

import textwrap
from argparse import ArgumentParser
from uuid import UUID

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from numpy import float32
from numpy.typing import NDArray
from typing_extensions import override

from accounts.models import Organization, User
from coaching.providers import registry
from coaching.providers.ports import ProviderError
from knowledge.retrieval import Retrieval, RetrievedPassage, retrieve
from knowledge.scope import Scope
from knowledge.utterances import place_of

NOTHING_FOUND = 2
EMBED_DEADLINE_S = 30.0


class Command(BaseCommand):
    """`manage.py search "question"`."""

    help = "Prints the passages that answer a question, with their scores per leg. Exit codes: 0 found, 1 wrong use, 2 nothing found."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question")
        parser.add_argument("--organization", help="Its name or id; may be left out where there is only one.")
        parser.add_argument("--coach", help="E-mail address: search what this coach keeps, too.")
        parser.add_argument("--limit", type=int, default=6, help="At most so many passages (default 6).")

    @override
    def handle(self, **options: object) -> None:
        scope = _scope(options["organization"], options["coach"])
        question = str(options["question"]).strip()
        if not question:
            raise CommandError("The question is empty.")
        limit = int(str(options["limit"]))
        if limit < 1:
            raise CommandError("--limit is at least 1.")
        vector = self._vector(question)
        found = retrieve(scope=scope, question=question, vector=vector, limit=limit)
        self._print(found)
        if not found.passages:
            raise CommandError("Nothing was found.", returncode=NOTHING_FOUND)

    def _vector(self, question: str) -> NDArray[float32] | None:
        try:
            vectors = async_to_sync(registry.embeddings().embed)(
                [question], deadline_s=EMBED_DEADLINE_S
            ).vectors
        except ProviderError as error:
            self.stderr.write(f"No vector of the question ({type(error).__name__}): words only.")
            return None
        vector: NDArray[float32] = vectors[0]
        return vector

    def _print(self, found: Retrieval) -> None:
        for number, passage in enumerate(found.passages, start=1):
            self.stdout.write(self.style.SUCCESS(f"{number}. {passage.score:.2f}  {_where(passage)}"))
            self.stdout.write("   " + _legs(passage))
            self.stdout.write(
                textwrap.indent(textwrap.fill(passage.text, 96, max_lines=4, placeholder=" …"), "   ")
            )
        trace = ", ".join(f"{name} {value}" for name, value in found.trace.items())
        self.stdout.write(f"{found.considered} considered; {trace}")


def _where(passage: RetrievedPassage) -> str:
    page = passage.page_label or (str(passage.page_index + 1) if passage.page_index is not None else "")
    said = place_of({"speaker": passage.speaker, "start_seconds": passage.start_seconds})
    parts = [passage.title, passage.chapter_title, f"p. {page}" if page else said]
    return " · ".join(part for part in parts if part)


def _legs(passage: RetrievedPassage) -> str:
    legs = passage.legs
    vector = (
        f"vector {legs['vector']:.3f} (#{_rank(legs.get('vector_rank'))})"
        if "vector" in legs
        else "no vector"
    )
    return f"{vector}, text {legs['text']:.3f} (#{_rank(legs.get('text_rank'))}), fused {legs['fused']:.3f}"


def _rank(rank: float | None) -> str:
    return "-" if rank is None else f"{rank:.0f}"


def _scope(organization: object, coach: object) -> Scope:
    """Return the scope that the options name. Raises CommandError when they name none or several."""
    member = None
    if coach:
        member = User.objects.filter(email__iexact=str(coach)).first()
        if member is None or member.organization_id is None:
            raise CommandError(f"There is no coach {coach} in an organization.")
    home = _organization(organization, member)
    if member is not None and member.organization_id != home.pk:
        raise CommandError(f"{coach} does not belong to {home.name}.")
    return Scope(home.pk, member.pk if member else None)


def _organization(named: object, member: User | None) -> Organization:
    if not named and member is not None and member.organization is not None:
        return member.organization
    organizations = Organization.objects.all()
    if named:
        try:
            organizations = organizations.filter(Q(name__iexact=str(named)) | Q(pk=UUID(str(named))))
        except ValueError:
            organizations = organizations.filter(name__iexact=str(named))
    match list(organizations[:2]):
        case [only]:
            return only
        case []:
            raise CommandError("There is no such organization.")
        case _:
            raise CommandError("There are several organizations; name one with --organization.")
