"""Files on their way: in pieces, as a server sends them that is asynchronous."""

from io import BytesIO

import pytest

from accounts.downloads import Download


@pytest.mark.django_db(transaction=True)
async def test_a_file_is_sent_piece_by_piece() -> None:
    response = Download(BytesIO(b"x" * 150_000), as_attachment=True, filename="a.csv")
    assert [len(piece) async for piece in response] == [65_536, 65_536, 18_928]
    assert response["Content-Disposition"] == 'attachment; filename="a.csv"'
