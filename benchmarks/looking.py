"""How fast files are looked at, beside what users would run instead, and beside the decoder alone.

    pip install imagededup simplejpeg
    python benchmarks/looking.py --from ../shared/data

imagededup pins other versions of NumPy than curate may have: install it into another environment and name its Python,
`--peer-python ENV/bin/python`, and all of the peer's side runs there. Without imagededup or simplejpeg nothing is
measured, and the exit code is 2.

Real pictures of the folder are brought to 4000 x 3000, 1024 x 768 and 600 x 450 pixels (cut to that shape, scaled, and
saved as JPEG of quality 90 into a temporary folder), and each file goes through:

- `peer`: imagededup's PHash().encode_image(file), then Pillow's open and resize of that file to a short side of 256;
- `hash part`: the file read, the sha256 of its bytes, decoded at the scale needed, and fingerprinted;
- `everything`: all that `curate inspect` takes down of it (`curate.look.look`, with places), tone and artefacts too;
- `limit`: the file read and decoded by libjpeg-turbo (simplejpeg) at the same scale, and nothing else.

Each side has its own process, loads what it needs, looks at one file, and waits. Then they take turns, one at a time,
each with one thread, then each with as many processes as there are processors. The fastest of the rounds counts. Ratios
are those of pictures per second. Files are in the system's cache, as they would not be at first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIZES = ((4000, 3000), (1024, 768), (600, 450))
SIDES = ("peer", "hash part", "everything", "limit")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


def look_as_peer() -> Callable[[str], Any]:
    """Return what imagededup and Pillow do with a file."""
    from imagededup.methods import PHash  # it loads PyTorch
    from PIL import Image

    method = PHash(verbose=False)

    def look(file: str) -> None:
        method.encode_image(image_file=file)
        with Image.open(file) as image:
            share = 256 / min(image.size)
            image.convert("RGB").resize((round(image.width * share), round(image.height * share)))

    return look


def look_for_hashes() -> Callable[[str], Any]:
    """Return the hash part of a look."""
    import hashlib

    from curate.images import codec, fingerprint, scene

    def look(file: str) -> None:
        data = Path(file).read_bytes()
        hashlib.sha256(data).hexdigest()
        fingerprint.fingerprint(codec.decode(data, min_side=scene.DECODED).pixels)

    return look


def look_at_everything() -> Callable[[str], Any]:
    """Return a whole look."""
    from curate.look import Errand
    from curate.look import look as look_once

    def look(file: str) -> None:
        facts = look_once([Errand("0" * 64, Path(file), None, places=True)])
        assert facts.appearance, facts.members

    return look


def look_at_the_limit() -> Callable[[str], Any]:
    """Return the decoder alone, at the scale that a look decodes at."""
    import simplejpeg

    def look(file: str) -> None:
        data = Path(file).read_bytes()
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        share = max(share for share in (1, 2, 4, 8) if share == 1 or min(height, width) >= 512 * share)
        # It knows eighths between too; the look's scale is the one that is wanted.
        simplejpeg.decode_jpeg(data, min_height=-(-height // share), min_width=-(-width // share))

    return look


LOOKS = dict(zip(SIDES, (look_as_peer, look_for_hashes, look_at_everything, look_at_the_limit), strict=True))


def serve(side: str) -> None:
    """Look at each list of files that a line of stdin names, and answer with the seconds it took."""
    look = LOOKS[side]()
    try:
        import cv2

        cv2.setNumThreads(1)
    except ImportError:
        pass  # the peer does without
    for line in sys.stdin:
        files = json.loads(line)
        start = time.perf_counter()
        for file in files:
            look(file)
        print(time.perf_counter() - start, flush=True)


class Side:
    """So many processes that look at files when they are told to."""

    def __init__(self, side: str, python: str, processes: int) -> None:
        single = dict.fromkeys(THREADS, "1")
        command = [python, __file__, "--serve", side]
        self.running = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | single)
            for _ in range(processes)
        ]

    def seconds(self, files: list[Path], processes: int) -> float:
        """Share the files out among the first so many processes, and return the seconds until the last is done."""
        start = time.perf_counter()
        for place, process in enumerate(self.running[:processes]):
            assert process.stdin is not None
            process.stdin.write(json.dumps([str(file) for file in files[place::processes]]) + "\n")
            process.stdin.flush()
        for process in self.running[:processes]:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise SystemExit("a side ended before it was done")
        return time.perf_counter() - start

    def close(self) -> None:
        """Let the processes end."""
        for process in self.running:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def made(root: Path, folder: Path, size: tuple[int, int], most: int) -> list[Path]:
    """Bring real pictures to a size, and return the files."""
    import cv2

    from curate.images import codec

    wide, tall = size
    files = []
    # The largest first, so that as few as can be are enlarged.
    given = sorted(root.glob("isic/images/*/*.jpg"), key=lambda path: (-path.stat().st_size, path.name))[:most]
    for number, path in enumerate(given):
        pixels = codec.decode(path.read_bytes()).pixels
        height, width = pixels.shape[:2]
        share = min(width / wide, height / tall)
        x, y = round((width - share * wide) / 2), round((height - share * tall) / 2)
        cut = pixels[y : y + round(share * tall), x : x + round(share * wide)]
        way = cv2.INTER_AREA if share > 1 else cv2.INTER_CUBIC
        file = folder / f"{wide}x{tall}-{number:03d}.jpg"
        file.write_bytes(codec.encode(cv2.resize(cut, size, interpolation=way), "JPEG", 90))
        files.append(file)
    return files


def lacking(python: str) -> str:
    """Return the package that is not installed, or nothing."""
    for interpreter, package in ((python, "imagededup"), (sys.executable, "simplejpeg")):
        found = subprocess.run([interpreter, "-c", f"import {package}"], capture_output=True, check=False)
        if found.returncode:
            return f"{package} is not installed for {interpreter}; next: {interpreter} -m pip install {package}"
    return ""


def measure(root: Path, most: int, rounds: int, python: str, processes: int) -> None:
    """Print a row for each size and number of processes."""
    sides = {side: Side(side, python if side == "peer" else sys.executable, processes) for side in SIDES}
    print("pictures per second; ratios to the peer; limit / hash part")
    header = f"{'size':>11} {'processes':>9}" + "".join(f"{side:>12}" for side in SIDES)
    print(header + f"{'hash part':>12}{'everything':>12}{'limit':>12}")
    try:
        with tempfile.TemporaryDirectory() as temporary:
            for size in SIZES:
                files = made(root, Path(temporary), size, most)
                if not files:
                    raise SystemExit(f"no pictures under {root}/isic/images")
                for side in sides.values():
                    side.seconds(files[:1] * processes, processes)
                for share in sorted({1, processes}):
                    best = dict.fromkeys(SIDES, float("inf"))
                    for _ in range(rounds):
                        for name, side in sides.items():
                            best[name] = min(best[name], side.seconds(files, share))
                    row = "".join(f"{len(files) / best[name]:>12.1f}" for name in SIDES)
                    row += f"{best['peer'] / best['hash part']:>10.2f} x{best['peer'] / best['everything']:>10.2f} x"
                    print(f"{size[0]:>5} x {size[1]:<4}{share:>9}{row}{best['hash part'] / best['limit']:>10.2f} x")
                for file in files:
                    file.unlink()
    finally:
        for side in sides.values():
            side.close()


def main() -> int:
    """Measure, or say what is not installed."""
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--from", dest="root", type=Path, default=Path("../shared/data"), help="the given pictures")
    words.add_argument("--pictures", type=int, default=48, help="files of each size")
    words.add_argument("--rounds", type=int, default=5, help="turns of each side")
    words.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), help="of each side, at most")
    words.add_argument("--peer-python", default=sys.executable, help="the Python that has imagededup")
    words.add_argument("--serve", choices=SIDES, help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.serve:
        serve(given.serve)
        return 0
    missing = lacking(given.peer_python)
    if missing:
        print(missing, file=sys.stderr)
        return 2
    measure(given.root, given.pictures, given.rounds, given.peer_python, given.processes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
