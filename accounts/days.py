"""Which days somebody may ask for: those that a calendar, a time zone and the database can all count from."""

from datetime import date

from django.core.exceptions import ValidationError

FIRST, LAST = date(1900, 1, 1), date(2199, 12, 31)


def within_reach(day: date) -> None:
    """Accept a day from which one can count a few years, for fields of forms and of the API.

    Raises:
        ValidationError: it is too far away.
    """
    if not FIRST <= day <= LAST:
        raise ValidationError(f"Choose a day from {FIRST} to {LAST}.")
