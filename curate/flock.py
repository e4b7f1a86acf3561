"""A lock on an open file. The system takes it back from a process that dies, however it dies: none is left behind."""

from __future__ import annotations

import os
import platform
from contextlib import suppress

try:
    import fcntl
except ImportError:  # pragma: no cover - not on this system: nothing can be locked there
    fcntl = None  # type: ignore[assignment]


def take(descriptor: int, *, shared: bool = False, wait: bool = False) -> bool | None:
    """Lock an open file until it is closed, and return whether it is locked now.

    False: another has it, and nobody wants to `wait` until it lets go. None: the system, or the file system, knows no
    locks. `shared`: who merely looks is in nobody's way.
    """
    with suppress(OSError):  # a file system that knows no locks
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                return False
            return True
    return None


def me() -> str:
    """Say in words who this process is: for who finds its lock."""
    return f"process {os.getpid()} on {platform.node()}"
