"""Secrets of one machine, made when they are first needed and kept where only their owner can read."""

import os
import secrets
from pathlib import Path


def local_secret(data: Path, name: str) -> str:
    """Return the named secret of this installation, making it on first use.

    It lies in `secrets/<name>` under `data` with mode 0600. Two processes that start at the same moment agree:
    the file appears whole, by a hard link that only one of them can make.
    """
    folder = data / "secrets"
    path = folder / name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f".{name}-{os.getpid()}-{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="utf-8").strip()
