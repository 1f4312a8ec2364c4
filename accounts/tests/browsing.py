"""Browsers for tests."""

from django.test import Client

from accounts.models import User


def as_(member: User) -> Client:
    """Return a browser in which the member is signed in."""
    client = Client()
    client.force_login(member)
    return client
