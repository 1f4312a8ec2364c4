"""How full the disks are that the installation writes to."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings


def used() -> Mapping[Path, float]:
    """Return the used part, from 0 to 1, of the disk of each folder that we write to."""
    folders = (Path(settings.SIDELINE_DATA), Path(settings.MEDIA_ROOT))
    return {folder: _used(folder) for folder in folders}


def fullest() -> float:
    """Return the used part of the fullest of these disks."""
    return max(used().values())


def _used(folder: Path) -> float:
    """Return the used part of a folder's disk; a folder that is not there yet will be on its parent's."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    usage = shutil.disk_usage(there)
    return round(1 - usage.free / usage.total, 4)
