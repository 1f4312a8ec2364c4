"""A file on its way to its owner, as HTTP says it."""

from django.http import HttpResponse

from conversations.exports import Fetched


def attachment(file: Fetched) -> HttpResponse:
    """Return the file as something to keep, not to show."""
    response = HttpResponse(file.content, content_type=file.content_type)
    response["Content-Disposition"] = f'attachment; filename="{file.filename}"'
    return response
