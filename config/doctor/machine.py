"""Is there room on the disks?"""

from config import disk
from config.doctor.finding import Finding, fail, ok, warn

NEARLY_FULL = 0.8
FULL = 0.95


def disks() -> Finding:
    """Look how full the disks are that we write to."""
    used = disk.used()
    told = ", ".join(f"{folder.name} {part:.0%}" for folder, part in used.items())
    fullest = max(used, key=lambda folder: used[folder])
    make_room = f"Make room on the disk of {fullest.name}, or grow it; uploads stop when it is full."
    if used[fullest] >= FULL:
        return fail(f"full: {told}", make_room)
    return warn(f"nearly full: {told}", make_room) if used[fullest] >= NEARLY_FULL else ok(f"used: {told}")
