"""The same bytes handed in twice at once, many times: one document, one version, one stored file."""

from functools import partial

import pytest
from django.core.files.storage import default_storage

from accounts.tests.cast import House
from config.tests.racing import Racers
from knowledge.library import Added, Shelf
from knowledge.models import Document, DocumentVersion
from knowledge.tests.ingesting import add

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

TRIALS = 200


def test_the_same_bytes_twice_at_once_are_one_document(home: House, two: Racers) -> None:
    shelf = Shelf(home.organization.pk)
    for trial in range(TRIALS):
        upload = partial(add, shelf, f"# Norms\n\nWe begin on time, {trial}.", "norms.md")
        ended: list[Added] = two.race(upload, upload, apart=bool(trial % 2))
        assert [type(each) for each in ended] == [Added, Added], ended
        assert sorted(each.is_new for each in ended) == [False, True]
        assert ended[0].version == ended[1].version
    assert (Document.objects.count(), DocumentVersion.objects.count()) == (TRIALS, TRIALS)
    stored, _ = default_storage.listdir("documents")
    assert len(stored) == TRIALS
