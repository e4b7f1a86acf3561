"""What goes wrong with a build: a kill, a full disk, a flipped bit, a clock that jumps, another build beside it."""

from __future__ import annotations

import datetime
import mmap
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from soak.children import Blow, Fault

YEAR_S = 365 * 86_400
_STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "os.utime", "fcntl.flock"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _nothing() -> None:
    """There is nothing that a person could put right."""


@dataclass(frozen=True)
class Disturbed:
    """How one command is disturbed. `ends`: the exit codes that it may have besides those of an undisturbed one.

    `fault` is done in its process before it begins, `blow` comes from outside. `lift` is what a person does about it
    where nothing that can be typed helps: makes room, puts an input back. `beside`: the same is typed at the same time.
    """

    told: str
    ends: tuple[int, ...] = ()
    fault: Fault | None = None
    blow: Blow | None = None
    lift: Callable[[], object] = _nothing
    beside: bool = False


@dataclass(frozen=True)
class Scene:
    """Where a fault happens: the root, and what an undisturbed build of it took."""

    root: Path
    seconds: float
    steps: int
    bytes: int


Kind = Callable[[Random, Scene], Disturbed]


def counting(counter: mmap.mmap) -> None:
    """Count the steps of this process in the file system into `counter`."""
    _at_each_step(lambda number: counter.__setitem__(slice(0, 8), struct.pack("q", number)))


def counted(counter: mmap.mmap) -> int:
    """Return what `counting` has counted."""
    return int(struct.unpack("q", counter[:8])[0])


def _at_each_step(act: Callable[[int], object]) -> None:
    number = 0

    def hear(event: str, given: tuple[Any, ...]) -> None:
        nonlocal number
        if event in _STEPS or (event == "open" and isinstance(given[2], int) and given[2] & _WRITES):
            number += 1
            act(number)

    sys.addaudithook(hear)


_ENDS = {signal.SIGKILL: (-9,), signal.SIGTERM: (-15, 128 + 15), signal.SIGINT: (130,)}


def _signalled(by: signal.Signals) -> tuple[Kind, Kind]:
    """Return the kinds that a signal makes: at a step in the file system, and at a time."""

    def at_a_step(chance: Random, scene: Scene) -> Disturbed:
        last = chance.randint(1, max(1, scene.steps))

        def fault() -> None:
            _at_each_step(lambda number: os.kill(os.getpid(), by) if number == last else None)

        return Disturbed(f"at step {last} of {scene.steps} in the file system", _ENDS[by], fault)

    def at_a_time(chance: Random, scene: Scene) -> Disturbed:
        after = chance.uniform(0, scene.seconds)
        return Disturbed(f"after {after:.2f} s of {scene.seconds:.2f} s", _ENDS[by], blow=Blow(by, after))

    return at_a_step, at_a_time


def worker_killed(chance: Random, scene: Scene) -> Disturbed:
    """A worker process alone is killed, as the system does where memory runs out."""
    after = chance.uniform(0, scene.seconds)
    return Disturbed(f"after {after:.2f} s", (3,), blow=Blow(signal.SIGKILL, after, to_worker=True))


def small_files(chance: Random, scene: Scene) -> Disturbed:
    """No file may grow beyond a size: a write in the middle of it is refused."""
    most = int(2 ** chance.uniform(8, 22))

    def fault() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return Disturbed(f"no file beyond {most} bytes", (3,), fault)


def full_disk(chance: Random, scene: Scene) -> Disturbed:
    """The root lies in a file system of its own that has no room for all of the corpus, until room is made."""
    size = sum(path.stat().st_size for path in scene.root.rglob("*") if path.is_file())
    size += int(chance.uniform(0.02, 1.0) * (scene.bytes + (1 << 20)))
    size = (size >> 12 << 12) + (1 << 16)
    aside = scene.root.with_name("aside")
    scene.root.rename(aside)
    scene.root.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "none", str(scene.root))
    subprocess.run(["cp", "-a", f"{aside}/.", str(scene.root)], check=True)

    def lift() -> None:
        _mount("-o", "remount,size=1g", str(scene.root))

    return Disturbed(f"room for {size} bytes in all", (3,), lift=lift)


def can_mount(folder: Path) -> bool:
    """Tell whether this process may mount a file system; the soak runs in a name space of its own where it can."""
    try:
        folder.mkdir(exist_ok=True)
        _mount("-t", "tmpfs", "-o", "size=64k", "none", str(folder))
    except (subprocess.CalledProcessError, FileNotFoundError):
        return False
    unmount(folder)
    return True


def unmount(folder: Path) -> None:
    """Take a file system away again."""
    subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def clock(chance: Random, scene: Scene) -> Disturbed:
    """The clock on the wall is years off, or runs backwards while it works."""
    shift = chance.choice((-30, -1, 1, 10)) * YEAR_S
    pace = chance.choice((1, 1, -1, -YEAR_S))
    began = time.time()

    def now() -> float:
        return began + shift + (_time() - began) * pace

    def fault() -> None:
        time.time = now
        time.time_ns = lambda: int(now() * 1e9)
        for module in [datetime, *(found for name, found in sys.modules.items() if name.startswith("curate"))]:
            if getattr(module, "datetime", None) is _Date:
                module.datetime = type("datetime", (_Date,), {"now": classmethod(_read(now))})

    return Disturbed(f"{shift // YEAR_S:+d} years" + ("" if pace == 1 else f", running {pace} s a second"), (), fault)


_time, _Date = time.time, datetime.datetime


def _read(now: Callable[[], float]) -> Callable[..., datetime.datetime]:
    return lambda cls, tz=None: _Date.fromtimestamp(now(), tz)


def dated(chance: Random, scene: Scene) -> Disturbed:
    """The files of the root say that they are from another time."""
    there = time.time() + chance.choice((-40, -1, 1, 20)) * YEAR_S
    for path in sorted(scene.root.rglob("*")):
        if chance.random() < 0.7:
            os.utime(path, (there, there))
    return Disturbed(time.strftime("files of the year %Y", time.gmtime(there)))


def flipped_cache(chance: Random, scene: Scene) -> Disturbed:
    """A bit flips in a file of the cache or in the lock of the corpus."""
    files = sorted(path for path in (scene.root / "data_cache").rglob("*") if path.is_file() and path.stat().st_size)
    groups: dict[str, list[Path]] = {"lock": [scene.root / "corpus.lock.json"]}
    for path in files:
        groups.setdefault(path.relative_to(scene.root / "data_cache").parts[0], []).append(path)
    path = chance.choice(groups[chance.choice(sorted(groups))])
    return Disturbed(_flip(chance, path, scene.root)[0])


def flipped_input(chance: Random, scene: Scene) -> Disturbed:
    """A bit flips in a file from which the root was fed; in the end the person who has it whole puts it back."""
    inputs = [path for name in ("placed", "served") for path in sorted((scene.root / name).rglob("*"))]
    path = chance.choice([path for path in inputs if path.is_file() and path.stat().st_size])
    told, before = _flip(chance, path, scene.root)
    if chance.random() < 0.6:  # else nobody needs it any more
        shutil.rmtree(scene.root / "data_cache")
        told += ", and the cache is lost"
    return Disturbed(told, lift=lambda: path.write_bytes(before))


def _flip(chance: Random, path: Path, root: Path) -> tuple[str, bytes]:
    before = path.read_bytes()
    data = bytearray(before)
    at = chance.randrange(len(data))
    data[at] ^= 1 << chance.randrange(8)
    with path.open("r+b") as file:  # in place: where it is linked, the other name has the same bit
        file.write(data)
    return f"byte {at} of {path.relative_to(root)}", before


def two_at_once(chance: Random, scene: Scene) -> Disturbed:
    """The same is typed twice at the same time."""
    return Disturbed("twice at once", (3,), beside=True)


BEGUN: dict[str, Kind] = {
    **{f"{by.name} at a step": _signalled(by)[0] for by in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)},
    **{f"{by.name} at a time": _signalled(by)[1] for by in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)},
    "a worker killed": worker_killed,
    "files that may not grow": small_files,
    "a full disk": full_disk,
    "a clock that jumps": clock,
    "two builds at once": two_at_once,
}
"""The faults of a build under way, from nothing or from an older corpus."""

BUILT: dict[str, Kind] = {
    "a flipped bit in the cache": flipped_cache,
    "a flipped bit in an input": flipped_input,
    "files of another time": dated,
}
"""The faults of a finished corpus, after which the same is typed again."""
