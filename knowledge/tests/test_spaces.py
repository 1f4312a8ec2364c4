"""Moving the library to another embedding model, and the commands around it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from typing_extensions import override

from accounts.tests.cast import House
from coaching.providers import registry
from coaching.providers.ports import Embedded, ProviderBusy, ProviderUnavailable, Usage
from coaching.providers.scripted import ScriptedEmbedding
from knowledge import space_gate, spaces, vector_search
from knowledge.models import EmbeddingSpace, Passage, PassageEmbedding
from knowledge.tests.shelf import put

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
State = EmbeddingSpace.State


class Better(ScriptedEmbedding):
    """The same vectors under another name, with room for more words."""

    def __init__(self) -> None:
        super().__init__(dimensions=512)
        self.model = "better"


class Blind(ScriptedEmbedding):
    """A model to which every text is the same."""

    def __init__(self) -> None:
        super().__init__(dimensions=64)
        self.model = "blind"

    @override
    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        vectors = np.zeros((len(texts), 64), np.float32)
        vectors[:, 0] = 1.0
        return Embedded(vectors=vectors, usage=Usage())


class Failing(Better):
    """Makes one batch and then is gone."""

    @override
    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        if self.asked:
            raise ProviderUnavailable("gone")
        return await super().embed(texts, deadline_s=deadline_s)


BETTER = "knowledge.tests.test_spaces.Better"


@pytest.fixture
def library(home: House) -> list[Passage]:
    return put(
        home.organization,
        *(f"Team {number} writes norm {number * 7} in week {number}." for number in range(70)),
    )


def vectors_of(space: EmbeddingSpace) -> int:
    return PassageEmbedding.objects.filter(space=space).count()


class TestBuild:
    def test_makes_what_is_missing_beside_the_active_space(self, library: list[Passage]) -> None:
        space = spaces.begin(Better())
        progress: list[tuple[int, int]] = []
        assert spaces.build(space=space, model=Better(), on_progress=lambda *now: progress.append(now)) == 70
        assert progress == [(64, 70), (70, 70)]
        assert space.state == State.BUILDING
        assert vectors_of(space) == 70
        assert vectors_of(spaces.active_space(registry.embeddings())) == 70
        assert PassageEmbedding.objects.filter(space=space, live=True).count() == 70

    def test_goes_on_where_it_was_stopped(self, library: list[Passage]) -> None:
        space = spaces.begin(Better())
        with pytest.raises(ProviderUnavailable):
            spaces.build(space=space, model=Failing())
        assert vectors_of(space) == 64
        assert spaces.begin(Better()) == space
        assert spaces.build(space=space, model=Better()) == 6
        assert spaces.build(space=space, model=Better()) == 0

    def test_a_passage_deleted_meanwhile_gets_no_vector(self, library: list[Passage]) -> None:
        class Slow(Better):
            @override
            async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
                embedded = await super().embed(texts, deadline_s=deadline_s)
                await Passage.objects.filter(pk=library[0].pk).aupdate(live=False)
                return embedded

        space = spaces.begin(Better())
        assert spaces.build(space=space, model=Slow()) == 69

    def test_begin_with_the_active_model_is_the_active_space(self, library: list[Passage]) -> None:
        active = spaces.active_space(registry.embeddings())
        assert spaces.begin(registry.embeddings()) == active
        assert EmbeddingSpace.objects.count() == 1


class TestPromote:
    def test_changes_the_active_space(self, library: list[Passage]) -> None:
        old = spaces.active_space(registry.embeddings())
        space = spaces.begin(Better())
        spaces.build(space=space, model=Better())
        spaces.promote(space=space, now=NOW)
        old.refresh_from_db()
        assert (old.state, space.state, space.promoted_at) == (State.RETIRED, State.ACTIVE, NOW)

    def test_refuses_a_space_that_lacks_vectors_and_changes_nothing(self, library: list[Passage]) -> None:
        old = spaces.active_space(registry.embeddings())
        space = spaces.begin(Better())
        with pytest.raises(spaces.NotPromotable, match="70 passages"):
            spaces.promote(space=space, now=NOW)
        old.refresh_from_db()
        space.refresh_from_db()
        assert (old.state, space.state, space.promoted_at) == (State.ACTIVE, State.BUILDING, None)

    def test_refuses_a_space_that_was_given_up(self, library: list[Passage]) -> None:
        space = spaces.begin(Better())
        spaces.retire(space=space)
        with pytest.raises(spaces.NotPromotable):
            spaces.promote(space=space, now=NOW)

    def test_removing_deletes_only_retired_vectors(self, library: list[Passage]) -> None:
        active = spaces.active_space(registry.embeddings())
        with pytest.raises(spaces.NotPromotable):
            spaces.remove(space=active)
        space = spaces.begin(Better())
        spaces.build(space=space, model=Better())
        spaces.retire(space=space)
        assert spaces.remove(space=space) == 70
        assert (EmbeddingSpace.objects.get(), vectors_of(active)) == (active, 70)


class TestGate:
    def test_a_space_that_finds_as_much_holds(self, library: list[Passage]) -> None:
        space = spaces.begin(Better())
        spaces.build(space=space, model=Better())
        old = spaces.active_space(registry.embeddings())
        golden = space_gate.golden_set(most=20)
        gate = space_gate.measure(new=(space, Better()), old=(old, registry.embeddings()), golden=golden)
        assert (gate.questions, gate.holds) == (20, True)
        assert gate.old == gate.new == 1.0

    def test_a_space_that_finds_less_does_not(self) -> None:
        assert not space_gate.Gate(questions=100, old=0.95, new=0.94).holds
        assert space_gate.Gate(questions=100, old=0.95, new=0.947).holds
        assert not space_gate.Gate(questions=100, old=None, new=0.79).holds
        assert space_gate.Gate(questions=100, old=None, new=0.8).holds


class TestReembed:
    def test_builds_gates_and_promotes(self, library: list[Passage]) -> None:
        out = StringIO()
        call_command("reembed", model=BETTER, stdout=out)
        active = EmbeddingSpace.objects.get(state=State.ACTIVE)
        assert (active.model, vectors_of(active)) == ("better", 70)
        assert "recall@10 old 1.000, new 1.000" in out.getvalue()
        call_command("reembed", model=BETTER, remove_retired=True, stdout=out)
        assert "0 missing vectors were made" in out.getvalue()
        assert EmbeddingSpace.objects.get() == active

    def test_refuses_worse_vectors_with_a_code_of_its_own(self, library: list[Passage]) -> None:
        with pytest.raises(CommandError) as refused:
            call_command("reembed", model="knowledge.tests.test_spaces.Blind", stdout=StringIO())
        assert refused.value.returncode == 3
        assert EmbeddingSpace.objects.get(state=State.ACTIVE).model == "scripted-embedding"

    def test_says_when_the_model_failed(self, library: list[Passage]) -> None:
        with pytest.raises(CommandError) as failed:
            call_command("reembed", model="knowledge.tests.test_spaces.Failing", stdout=StringIO())
        assert failed.value.returncode == 4

    def test_a_dry_run_changes_nothing(self, library: list[Passage]) -> None:
        out = StringIO()
        call_command("reembed", model=BETTER, dry_run=True, stdout=out)
        assert "70 vectors to make" in out.getvalue()
        assert EmbeddingSpace.objects.count() == 1

    def test_can_leave_the_old_space_active(self, library: list[Passage]) -> None:
        call_command("reembed", model=BETTER, no_promote=True, stdout=StringIO())
        assert EmbeddingSpace.objects.get(model="better").state == State.BUILDING

    def test_an_unknown_model_is_named(self, db: None) -> None:
        with pytest.raises(CommandError, match="nowhere"):
            call_command("reembed", model="nowhere.Model", stdout=StringIO())


@pytest.mark.django_db(transaction=True)
def test_a_large_scope_gets_its_index_once(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home.organization, *(f"Team {number} meets." for number in range(6)))
    space = spaces.active_space(registry.embeddings())
    assert spaces.ensure_index(space) is False
    monkeypatch.setattr(vector_search, "EXACT_UP_TO", 5)
    assert spaces.ensure_index(space) is True
    assert spaces.ensure_index(space) is True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)",
            [f"embedding_hnsw_{space.pk}"],
        )
        assert cursor.fetchone() == (True,)
        cursor.execute(f"DROP INDEX embedding_hnsw_{space.pk}")


class TestSearchCommand:
    def test_prints_passages_with_the_scores_of_each_leg(self, home: House, away: House) -> None:
        put(home.organization, "A common assessment has five questions.", title="Guide")
        put(away.organization, "A common assessment has nine questions.", title="Foreign")
        out = StringIO()
        call_command("search", "common assessment", organization=home.organization.name, stdout=out)
        assert "Guide · p. 1" in out.getvalue()
        assert "vector 0." in out.getvalue()
        assert "text 1." in out.getvalue() or "text 0." in out.getvalue()
        assert "Foreign" not in out.getvalue()

    def test_searches_what_a_coach_keeps(self, home: House) -> None:
        put(home.organization, "Our common assessment.", coach=home.coach, title="Private")
        out = StringIO()
        call_command("search", "common assessment", coach=str(home.coach.email).upper(), stdout=out)
        assert "Private" in out.getvalue()

    @pytest.mark.parametrize("options", [{}, {"organization": "Nowhere"}, {"coach": "nobody@example.org"}])
    def test_wrong_use_is_named(self, home: House, away: House, options: dict[str, str]) -> None:
        with pytest.raises(CommandError) as wrong:
            call_command("search", "norms", stdout=StringIO(), **options)
        assert wrong.value.returncode == 1

    def test_an_empty_question_is_wrong_use(self, home: House) -> None:
        put(home.organization, "A common assessment has five questions.")
        with pytest.raises(CommandError) as wrong:
            call_command("search", "  ", stdout=StringIO())
        assert wrong.value.returncode == 1

    def test_finding_nothing_has_a_code_of_its_own(self, home: House) -> None:
        with pytest.raises(CommandError) as nothing:
            call_command("search", "norms", organization=str(home.organization.pk), stdout=StringIO())
        assert nothing.value.returncode == 2

    def test_words_do_when_the_model_does_not(self, home: House, monkeypatch: pytest.MonkeyPatch) -> None:
        put(home.organization, "A common assessment has five questions.")
        monkeypatch.setattr(registry, "embeddings", lambda: ScriptedEmbedding(error=ProviderBusy("later")))
        out, err = StringIO(), StringIO()
        call_command("search", "common assessment", coach=home.coach.email, stdout=out, stderr=err)
        assert "no vector" in out.getvalue()
        assert "words only" in err.getvalue()
