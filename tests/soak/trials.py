"""One build of a small world that is disturbed: what it must come to, whatever happened, is the undisturbed corpus."""

from __future__ import annotations

import hashlib
import mmap
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from curate import corpus_rows
from curate.ml import shards
from curate.workspace import Workspace
from soak import children, faults, worlds
from soak.children import Ended
from soak.faults import BEGUN, BUILT, Disturbed, Kind, Scene
from soak.playing import PER_WORLD
from soak.worlds import World

TURNS = 8  # times that something is typed before it is said not to help
KINDS: dict[str, Kind] = BEGUN | BUILT
_COMMAND = re.compile(r"(?:^|[\s:(])((?:rm|curate)\s[^;&,()\n]+)")


class Finding(Exception):  # noqa: N818 - what the soak looks for
    """What must not be: another corpus, a traceback, a hang, an error that does not help."""


@dataclass(frozen=True)
class Reference:
    """A world, where it was built undisturbed, and what that came to."""

    world: World
    whole: Path
    end: Ended
    state: dict[str, Any]
    steps: int
    bytes: int

    def is_same(self, end: Ended) -> bool:
        """Tell whether a build ended as the undisturbed one did: well, or with the same complaint."""
        return end.code == self.end.code and _what(end) == _what(self.end)


@dataclass
class Played:
    """What a trial came to: all that was typed after the disturbance, and what was complained of."""

    seed: int
    fault: str
    start: str
    told: str = ""
    first: int | None = None
    typed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    lifted: bool = False
    outcome: str = ""
    finding: str | None = None


class Ground:
    """A folder in which worlds are drawn and trials are played; `address` serves `folder / "worlds"`."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.can_mount = faults.can_mount(folder / "mount")
        self._known: dict[str, Reference] = {}

    def play(self, seed: int) -> Played:
        """Play the trial of a seed; the same seed is the same world and fault, but for what depends on the moment."""
        chance = Random(f"trial {seed}")
        fault = list(KINDS)[seed % len(KINDS)]
        if fault == "a full disk" and not self.can_mount:
            return Played(seed, fault, "nothing", outcome="skipped: no file system can be mounted here")
        is_sheets = fault == "a worker killed"
        reference = self._reference(seed // (PER_WORLD * (14 if is_sheets else 1)), sheets=is_sheets)
        start = "whole" if fault in BUILT else chance.choice(("nothing", "nothing", "older"))
        played = Played(seed, fault, start)
        root = self.folder / f"trial-{seed}" / "root"
        try:
            with self._begun(reference, start, root, mounted=fault == "a full disk"):
                scene = Scene(root, reference.end.seconds, reference.steps, reference.bytes)
                disturbed = KINDS[fault](chance, scene)
                played.told = disturbed.told
                Trial(reference, root, disturbed, played).run()
        except Finding as found:
            played.outcome, played.finding = "FINDING", str(found)
        return played

    @contextmanager
    def _begun(self, reference: Reference, start: str, root: Path, *, mounted: bool) -> Iterator[None]:
        from_ = {"nothing": reference.world.root, "whole": reference.whole}
        shutil.copytree(from_[start] if start in from_ else self._older(reference), root)
        try:
            yield
        finally:
            if mounted and root.is_mount():
                faults.unmount(root)
            shutil.rmtree(root.parent)

    def _reference(self, number: int, *, sheets: bool) -> Reference:
        """Draw a world and build it undisturbed."""
        name = f"{number}{'-sheets' if sheets else ''}"
        if name in self._known:
            return self._known[name]
        self._forget(sheets=sheets)
        worlds_folder = self.folder / "worlds"

        def drawn() -> list[Any]:
            made = worlds.draw(number, worlds_folder, self.address, sheets=sheets)
            return [str(made.root), made.words, made.sources]

        root, words, sources = children.ask(drawn)
        world = World(number, Path(root), tuple(words), tuple(sources))
        whole = self.folder / "whole" / name
        shutil.copytree(world.root, whole)
        counter = mmap.mmap(-1, 8)
        end = children.command(whole, *words, fault=partial(faults.counting, counter))
        _sane(end, (0, 3))
        checked = children.command(whole, "verify")
        if checked.code != 0:
            raise Finding(f"verify after an undisturbed build ends with {checked.code}:\n{checked.text}")
        size = sum(path.stat().st_size for path in (whole / "data_cache").rglob("*") if path.is_file())
        made = Reference(world, whole, end, children.ask(partial(state, whole)), faults.counted(counter), size)
        self._known[name] = made
        return made

    def _older(self, reference: Reference) -> Path:
        """Return the root of the same world as it was before: with another recipe, and one source fewer."""
        made = self.folder / "older" / reference.whole.name
        if made.exists():
            return made
        root = made.with_name(f"{made.name} in the making")
        shutil.copytree(reference.world.root, root)
        recipe = (root / "curate.toml").read_text(encoding="utf-8")
        (root / "curate.toml").write_text(_other(recipe), encoding="utf-8")
        absent = [root / "placed" / name for name in reference.world.sources]
        is_fewer = len(absent) > 1 and absent[0].is_dir() and absent[0].name not in reference.world.words
        if is_fewer:
            absent[0].rename(root / "absent")
        _sane(children.command(root, *reference.world.words), (0, 3))
        if is_fewer:
            (root / "absent").rename(absent[0])
        (root / "curate.toml").write_text(recipe, encoding="utf-8")
        return root.rename(made)

    def _forget(self, *, sheets: bool) -> None:
        """Take the files of earlier worlds away: trials come in the order of their worlds."""
        for name in [name for name in self._known if name.endswith("-sheets") == sheets]:
            del self._known[name]
            for place in ("worlds", "whole", "older"):
                shutil.rmtree(self.folder / place / name, ignore_errors=True)


@dataclass
class Trial:
    """One root, disturbed once; then a person types the same again, or what the message says."""

    reference: Reference
    root: Path
    disturbed: Disturbed
    played: Played
    _hints: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Disturb the build, then type until it is what the undisturbed one is. Raises Finding where it never is."""
        words = self.reference.world.words
        if self.disturbed.beside:
            self._both(words)
        elif self.disturbed.fault or self.disturbed.blow or self.disturbed.ends:
            first = children.command(self.root, *words, fault=self.disturbed.fault, blow=self.disturbed.blow)
            _sane(first, (*self.disturbed.ends, self.reference.end.code))
            self.played.first = first.code
            if first.code == 3 and not self.reference.is_same(first):
                self.played.errors.append(_what(first))
        for _ in range(TURNS):
            if self._settled():
                self.played.outcome = self._outcome()
                return
        raise Finding(f"nothing helps: {'; '.join(self.played.typed)}\n{self.played.errors[-1]}")

    def _both(self, words: tuple[str, ...]) -> None:
        ends = children.both(self.root, *words)
        for end in ends:
            _sane(end, (3, self.reference.end.code))
            if not self.reference.is_same(end) and "another curate works on this root" not in end.text:
                raise Finding(f"one of two ends otherwise:\n{end.text}")
        if not any(self.reference.is_same(end) for end in ends):
            raise Finding("neither of two builds was done")
        self.played.first = max(end.code or 0 for end in ends)

    def _settled(self) -> bool:
        end = self._type(*self.reference.world.words)
        if not self.reference.is_same(end):
            if end.code == 0:
                raise Finding(f"it ends well, unlike the undisturbed build:\n{end.text}")
            self._heed(end)
            return False
        checked = self._type("verify")
        if checked.code != 0:
            self._heed(checked)
            return False
        found = children.ask(partial(state, self.root))
        if found != self.reference.state:
            other = [name for name in found if found[name] != self.reference.state[name]]
            raise Finding(f"another outcome, and verify finds nothing: {', '.join(other)}")
        return True

    def _type(self, *words: str) -> Ended:
        self.played.typed.append(" ".join(words))
        end = children.command(self.root, *words)
        _sane(end, (0, 1, 3) if words[0] == "verify" else (0, 3))
        return end

    def _heed(self, end: Ended) -> None:
        """Do what a message says; where that was done and did not help, put right what caused it."""
        self.played.errors.append(_what(end))
        hints = re.findall(r"(?m)^\s*next:\s+(.*)$", end.text)
        again = all(hint in self._hints for hint in hints)
        self._hints += hints
        commands = [words.strip() for hint in hints for words in _COMMAND.findall(hint)]
        if again or not commands or any("--from" in words for words in commands):  # which asks for the right files
            self.played.lifted = True
            self.disturbed.lift()
        for words in dict.fromkeys(commands) if not again else ():
            self._obey(shlex.split(words))

    def _obey(self, words: list[str]) -> None:
        if words[0] == "curate":
            words = words[3:] if words[1] == "--root" else words[1:]
            self._type(*words)
            return
        self.played.typed.append(" ".join(words).replace(str(self.root), "ROOT"))
        for path in map(Path, words[1:]):
            if path.is_relative_to(self.root):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _outcome(self) -> str:
        builds = self.played.typed.count(" ".join(self.reference.world.words))
        if self.played.lifted:
            return "put right by a person, then the same"
        if len(self.played.typed) > 2 * builds or builds > 2:
            return "the same after what the message said"
        return "the same at once" if self.reference.end.code == self.played.first else "the same when typed again"


def state(root: Path) -> dict[str, Any]:
    """Return what a root comes to: the hashes of its corpus, of what was left out, and of every file of its shards."""
    workspace = Workspace(root)
    found: dict[str, Any] = {"corpus": None, "exclusions": None, "shards": None}
    if workspace.database_path.exists():
        with workspace.database(read_only=True) as database:
            there = [table for table in ("corpus", "exclusions") if database.has(table)]
        found |= {table: corpus_rows.digest(workspace, table) for table in there}
    if (workspace.cache / "shards" / "current").exists():
        folder = shards.latest(workspace.cache / "shards")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        found["shards"] = {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }
    return found


def _other(recipe: str) -> str:
    """Return another recipe: other splits, pictures of another size, conflicts settled otherwise."""
    told = {'"leave_out"': '"newest"', '"newest"': '"leave_out"', "true": "false", "false": "true"}
    recipe = re.sub('"leave_out"|"newest"|true|false', lambda hit: told[hit[0]], recipe)
    return re.sub(r"short_side = \d+", "short_side = 48", recipe.replace('salt = "', 'salt = "older '))


def _what(end: Ended) -> str:
    """Return the first line of each complaint."""
    found = re.findall(r"(?m)^(?:curate: )?(\S.*)\n  (?:where|expected|found|done|next):", end.text)
    return "; ".join(found) if end.code else ""


def _sane(end: Ended, codes: tuple[int | None, ...]) -> None:
    """Raise Finding for a hang, a traceback, an exit code that says nothing, and an error without what to type next."""
    typed = f"curate {' '.join(end.words)}"
    if end.code is None:
        raise Finding(f"{typed} hangs:\n{end.text}")
    if "Traceback" in end.text:
        raise Finding(f"{typed} ends in a traceback:\n{end.text}")
    if end.code not in codes:
        raise Finding(f"{typed} ends with {end.code}:\n{end.text}")
    if end.code == 3 and "next:" not in end.text:
        raise Finding(f"{typed} does not say what to do:\n{end.text}")
