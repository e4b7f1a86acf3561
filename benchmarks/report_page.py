"""How large report pages are, how fast a browser opens them, and what axe-core finds against WCAG 2.2 A and AA.

    python benchmarks/report_page.py ROOT... [--pictures DIR]

Writes the report of each root and opens it at desktop and phone width, light and dark. `--pictures` keeps a picture of
each. Needs a browser and axe-core: `tests/browser.py` says where they are looked for. Exit code 1 where a page is over
5 MB, takes 2 s or more, is wider than its window, asks for anything, or has a violation.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from browser import Browser, accessibility, find, find_axe

from curate import Workspace
from curate.audit import report
from curate.text_table import text_table

_SIZES = {"desktop": (1280, False), "phone": (375, False), "dark": (1280, True), "dark phone": (375, True)}
_OPENED = 3  # times; the slowest counts


def main() -> int:
    """Print the table; return 1 where a bound is not held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", metavar="ROOT", nargs="+", type=Path)
    parser.add_argument("--pictures", metavar="DIR", type=Path)
    words = parser.parse_args()
    program = find()
    if program is None or find_axe() is None:
        parser.error("a browser and axe-core are needed: see tests/browser.py")
    rows = []
    with Browser(program) as browser:
        for root in words.roots:
            page = Path(report.write(Workspace(root)).details["file"])
            for name, (width, dark) in _SIZES.items():
                seconds = max(browser.open(page, width=width, dark=dark) for _ in range(_OPENED))
                wide = browser.run("document.documentElement.scrollWidth")
                asked = len(browser.asked_for()) - 1
                found = accessibility(browser)
                if words.pictures:
                    words.pictures.mkdir(parents=True, exist_ok=True)
                    browser.picture(words.pictures / f"{root.resolve().name}-{name.replace(' ', '-')}.png")
                held = page.stat().st_size < 5e6 and seconds < 2 and wide <= width and not asked and not found
                rows.append(
                    {
                        "corpus": root.resolve().name,
                        "shown": name,
                        "MB": f"{page.stat().st_size / 1e6:.2f}",
                        "opens in s": f"{seconds:.2f}",
                        "width": wide,
                        "asks for": asked,
                        "violations": len(found),
                        "held": "yes" if held else "no: " + "; ".join(found),
                    }
                )
    print(text_table(rows))
    return 0 if all(row["held"] == "yes" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
