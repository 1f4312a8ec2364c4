"""What a child process takes away from itself before it opens a file that nobody trusts.

Each measure stands alone, because which of them the kernel grants depends on the machine: resource
limits always hold; the empty network namespace and the Landlock rules need the kernel's consent;
the audit hook stops Python code whatever the kernel says.
"""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

from knowledge.extraction.limits import MEGABYTE, Budget

CLONE_NEWNET = 0x40000000
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
SYS_LANDLOCK_CREATE_RULESET = 444
SYS_LANDLOCK_ADD_RULE = 445
SYS_LANDLOCK_RESTRICT_SELF = 446
LANDLOCK_RULE_PATH_BENEATH = 1
# WRITE_FILE, REMOVE_DIR to MAKE_SYM, and TRUNCATE: everything that changes a file system.
LANDLOCK_WRITES = 0x1 << 1 | 0x1FF << 4 | 0x1 << 14
LANDLOCK_TCP = 0x3
LANDLOCK_ABI_WITH_TCP = 4
SCRATCH_MB = 16

FORBIDDEN_EVENTS = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.putenv",
    "urllib.",
    "ftplib.",
    "smtplib.",
    "webbrowser.",
)
_libc = ctypes.CDLL(None, use_errno=True)


class Ruleset(ctypes.Structure):
    """`struct landlock_ruleset_attr`."""

    _fields_ = (("handled_access_fs", ctypes.c_uint64), ("handled_access_net", ctypes.c_uint64))


class PathBeneath(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def limit_resources(budget: Budget) -> None:
    """Set the limits of memory, CPU, file size, core dumps and processes; die with the parent."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _set(resource.RLIMIT_AS, budget.address_space_mb * MEGABYTE)
    _set(resource.RLIMIT_CPU, budget.cpu_s, spare=1)
    _set(resource.RLIMIT_FSIZE, SCRATCH_MB * MEGABYTE)
    _set(resource.RLIMIT_CORE, 0)
    if not budget.threads:
        _set(resource.RLIMIT_NPROC, 0)


def _set(limit: int, value: int, *, spare: int = 0) -> None:
    _, hard = resource.getrlimit(limit)
    ceiling = value + spare if hard == resource.RLIM_INFINITY else min(value + spare, hard)
    resource.setrlimit(limit, (min(value, ceiling), ceiling))


def leave_network() -> bool:
    """Move into an empty network namespace; False when the kernel does not allow it.

    Must run before any thread exists: a user namespace cannot be made by a process with threads.
    """
    return bool(_libc.unshare(CLONE_NEWNET) == 0) or bool(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)


def allow_writes_only_in(folder: Path) -> bool:
    """Refuse changes to files outside `folder` and all TCP; False when the kernel has no Landlock."""
    abi = _libc.syscall(SYS_LANDLOCK_CREATE_RULESET, None, 0, 1)
    if abi < LANDLOCK_ABI_WITH_TCP:
        return False
    rules = Ruleset(LANDLOCK_WRITES, LANDLOCK_TCP)
    ruleset = _libc.syscall(SYS_LANDLOCK_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if ruleset < 0:
        return False
    parent = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    beneath = PathBeneath(LANDLOCK_WRITES, parent)
    _libc.syscall(SYS_LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, ctypes.byref(beneath), 0)
    restricted: int = _libc.syscall(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(parent)
    os.close(ruleset)
    return restricted == 0


def forbid_network_and_programs() -> None:
    """Make every socket, fork and exec from Python raise PermissionError; cannot be undone."""
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: object) -> None:
    if event.startswith(FORBIDDEN_EVENTS):
        raise PermissionError(event)
