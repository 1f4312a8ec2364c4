"""Make the people of a chat benchmark in its database and print, a line each: cookie name, cookie, conversation."""

import sys

import django

django.setup()

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organization, TeamMembership, User
from config.demo import build_demo
from conversations import organizing


def sign_in(user: User) -> str:
    """Return the key of a new session of the user."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def main(count: int) -> None:
    """Make what is missing and print the clients."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    build_demo(say=lambda line: print(line, file=sys.stderr))
    organization = Organization.objects.get(name="Riverbend Schools")
    team = organization.teams.order_by("name")[0]
    for number in range(count):
        email = f"client{number}@benchmark.example"
        user = User.objects.filter(email=email).first() or User.objects.create_user(
            email, name=f"Client {number}", organization=organization
        )
        TeamMembership.objects.get_or_create(member=user, defaults={"team": team})
        conversation = organizing.begin(member=user, now=timezone.now())
        print(settings.SESSION_COOKIE_NAME, sign_in(user), conversation.pk)


if __name__ == "__main__":
    main(int(sys.argv[1]))
