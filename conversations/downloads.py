"""A file on its way to its owner, as HTTP says it."""

from accounts.downloads import Download
from conversations.exports import Fetched


def attachment(file: Fetched) -> Download:
    """Return the file as something to keep, not to show."""
    return Download(file.content, as_attachment=True, filename=file.filename, content_type=file.content_type)
