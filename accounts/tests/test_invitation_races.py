"""Inviting and accepting at the same moment."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import current_thread
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import invitations, seats
from accounts.entry_models import Invitation
from accounts.invitations import AlreadyInvited
from accounts.tests.cast import House


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def invited(self, house: House) -> Invitation:
        """Invite the same person."""
        return invitations.invite(
            actor=house.admin,
            organization=house.organization,
            email="eve@riverside.example",
            role="educator",
            team=None,
            now=timezone.now(),
        )

    def test_accepting_and_inviting_again_do_not_wait_for_each_other(
        self, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = invitations.token_of(self.invited(home))
        claim, invites = seats.claim, current_thread()

        def accept() -> str:
            try:
                return invitations.accept(
                    token=token, name="Eve", password="another walk along the shore", now=timezone.now()
                ).name
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            joined: list[Future[str]] = []

            def claim_and_let_accept(**of: Any) -> None:
                claim(**of)
                if current_thread() is invites:
                    joined.append(pool.submit(accept))
                    with connection.cursor() as cursor:
                        while cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is None:
                            assert not joined[0].done()

            monkeypatch.setattr(seats, "claim", claim_and_let_accept)
            with pytest.raises(AlreadyInvited):
                self.invited(home)
            assert joined[0].result() == "Eve"
