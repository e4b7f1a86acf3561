"""Runs that go wrong from outside: stopped in the middle, bound by the modes of a folder; and a bit that flips."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

_STOPS_ITSELF = """
import contextlib, os, sys
from pathlib import Path
from curate import Workspace
from curate.report import Advance
@contextlib.contextmanager
def progress(title, total, unit):
    done = []
    def moved(amount):
        done.append(amount)
        if title == sys.argv[2] and len(done) == 3:
            os.kill(os.getpid(), int(sys.argv[3]))
    yield Advance(moved)
workspace = Workspace(sys.argv[1], workers=1, progress=progress)
"""
_SHARD = "from curate.stages import shard\nshard.run(workspace)"
_EXPORT = "from curate.export.handover import run\nrun(workspace, sys.argv[4], Path(sys.argv[5]))"


def stop_shard(root: Path, by: signal.Signals) -> int:
    """Write the shards of a root in a process that gets a signal at the third picture; return its exit code."""
    command = [sys.executable, "-c", _STOPS_ITSELF + _SHARD, str(root), "shard", str(int(by))]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False, timeout=120).returncode


def stop_export(root: Path, form: str, out: Path, by: signal.Signals) -> int:
    """Export in a process that gets a signal at the third picture; return its exit code."""
    command = [sys.executable, "-c", _STOPS_ITSELF + _EXPORT, str(root), "export", str(int(by)), form, str(out)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False, timeout=120).returncode


def bound_by_modes(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line so that it may write only where the modes of a folder let its owner, also as root."""
    command = [sys.executable, "-m", "curate", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=_bound, check=False, timeout=120)


def _bound() -> None:
    if os.geteuid() == 0:  # root passes over modes by two of its capabilities (linux/capability.h): without them
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError("root cannot be bound by modes here")


def flip(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
