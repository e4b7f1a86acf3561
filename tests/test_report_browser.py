"""The report page in a real headless browser: quick, silent, within a phone's width, accessible, and its charts act."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_corpus
from browser import Browser, accessibility, find, find_axe

from curate import Workspace
from curate.audit import report

PAGES = ("demo", "hostile", "labels only", "empty")
SIZES = {"desktop": (1280, False), "phone": (375, False), "dark": (1280, True), "dark phone": (375, True)}
ON_SPLIT = "#classes table[data-trait=split]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip("no browser is here: install chromium, or name one in CURATE_BROWSER")
    with Browser(program) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(demo: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each kind of corpus; and, where `CURATE_REPORT_PAGE` names a page, that one too."""
    made = {
        "demo": demo,
        "hostile": small_corpus.build(tmp_path_factory.mktemp("hostile"), hostile=True),
        "labels only": small_corpus.build(tmp_path_factory.mktemp("labels"), labels_only=True),
        "empty": small_corpus.build(tmp_path_factory.mktemp("empty"), empty=True),
    }
    found = {name: Path(report.write(workspace).details["file"]) for name, workspace in made.items()}
    named = os.environ.get("CURATE_REPORT_PAGE")
    return found | ({"named": Path(named)} if named else {})


def choose(browser: Browser, name: str, value: str) -> None:
    browser.run(
        f"(() => {{ const s = document.querySelector('[data-choose={name}]'); s.value = '{value}'; "
        "s.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def cells(browser: Browser, table: str) -> list[list[str]]:
    """Return the words of the cells that are shown, row by row, without the head."""
    found: list[list[str]] = browser.run(
        f"Array.from(document.querySelector('{table}').querySelectorAll('tbody tr, tfoot tr')).filter(r => !r.hidden)"
        ".map(r => Array.from(r.cells).map(c => c.textContent))"
    )
    return found


def test_opens_at_once_and_asks_for_nothing(browser: Browser, pages: dict[str, Path]) -> None:
    for name, page in pages.items():
        seconds = min(browser.open(page) for _ in range(2))
        assert page.stat().st_size < 5_000_000
        assert seconds < 2, name
        assert browser.asked_for() == [page.resolve().as_uri()]
        assert browser.complaints() == []  # its own policy refused nothing, and no script failed
        assert browser.run("document.images.length === [...document.images].filter(i => i.naturalWidth > 0).length")


@pytest.mark.parametrize("size", SIZES)
def test_fits_its_width(browser: Browser, pages: dict[str, Path], size: str) -> None:
    width, dark = SIZES[size]
    for name, page in pages.items():
        browser.open(page, width=width, dark=dark)
        assert browser.run("document.documentElement.scrollWidth") == width, name
        ground = browser.run("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(20, 23, 26)") == dark


def test_the_sources_can_be_read_on_a_phone(browser: Browser, pages: dict[str, Path]) -> None:
    """A name of a source stands on one line there, and a head on two at most: no tall blank stands above the rows."""
    browser.open(pages["demo"], width=375)
    lines = (
        "(rows => rows.map(c => [c.textContent, (c.clientHeight - parseFloat(getComputedStyle(c).paddingTop) "
        "- parseFloat(getComputedStyle(c).paddingBottom)) / parseFloat(getComputedStyle(c).lineHeight)]))"
    )
    sources = "Array.from(document.querySelectorAll('#ledger table')).at(-1)"
    heads = browser.run(f"{lines}([...{sources}.tHead.rows[0].cells])")
    assert max(height for _, height in heads) < 2.5, heads
    names = (
        "Array.from(document.querySelectorAll('#ledger tr[data-source] th')).map(c => { const r = "
        "document.createRange(); r.selectNodeContents(c); "
        "return [c.textContent, r.getBoundingClientRect().height / parseFloat(getComputedStyle(c).lineHeight)]; })"
    )
    found = browser.run(names)
    assert {name for name, _ in found} >= {"pad_ufes_20", "isic_2016"}
    assert max(height for _, height in found) < 1.5, found


@pytest.mark.parametrize("size", SIZES)
def test_has_no_violation_of_wcag_a_or_aa(browser: Browser, pages: dict[str, Path], size: str) -> None:
    if find_axe() is None:
        pytest.skip("axe-core is not here: see tests/browser.py, or name its axe.min.js in CURATE_AXE")
    width, dark = SIZES[size]
    for name, page in pages.items():
        browser.open(page, width=width, dark=dark)
        assert accessibility(browser) == [], name
        browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        if name != "empty":
            choose(browser, "split", "test")
            browser.point_at("rect[data-tip]")
        assert accessibility(browser) == [], name


def test_says_a_bar_when_pointed_at(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["demo"])
    shown = "(() => { const t = document.getElementById('tip'); return t.hidden ? null : t.textContent; })()"
    assert browser.run(shown) is None
    browser.point_at(f"{ON_SPLIT} tbody tr rect.blue")
    said = browser.run(shown)
    assert said.startswith("benign: ")
    assert cells(browser, ON_SPLIT)[0][3] == said.removeprefix("benign: ")
    browser.point_at("#tip")
    assert browser.run(shown) == said  # it can be reached
    browser.press("Escape")
    assert browser.run(shown) is None
    browser.point_at(f"{ON_SPLIT} tbody tr rect.red")
    assert browser.run(shown).startswith("malignant: ")
    browser.point_at("h1")
    assert browser.run(shown) is None


def test_charts_are_counted_again_for_what_is_chosen(browser: Browser, pages: dict[str, Path], demo: Workspace) -> None:
    with demo.database(read_only=True) as database:
        corpus = database.table("corpus").to_pylist()
    browser.open(pages["demo"])
    chosen = [row for row in corpus if row["source"] == "isic_2018"]
    choose(browser, "source", "isic_2018")
    rows = {row[0]: row for row in cells(browser, ON_SPLIT)}
    for split in ("train", "validation", "test", "all"):
        those = [row for row in chosen if split in ("all", row["split"])]
        malignant = sum(row["category"] == "malignant" for row in those)
        assert rows[split][2] == f"{len(those):,}"
        assert rows[split][5] == f"{malignant:,} ({_percent(malignant / len(those))})"
    assert [row[0] for row in cells(browser, "#ledger table")] == ["isic_2018"]
    assert f"isic_2018: {len(chosen)} pictures" in browser.run("document.getElementById('chosen').textContent")

    choose(browser, "split", "test")
    those = [row for row in chosen if row["split"] == "test"]
    subtypes = {row[0]: row[2] for row in cells(browser, "#subtypes table")}
    assert subtypes == {
        name: str(sum(row["subtype"] == name for row in those)) for name in {row["subtype"] for row in those}
    }
    for kind, column in (("estimated", "tone_ita_class"), ("reported", "tone_reported")):
        tones = {row[0].replace(" ", "_"): row[2] for row in cells(browser, f"#tone table[data-trait={kind}]")}
        named = {str(row[column] or "unknown") for row in those}
        assert tones == {tone: str(sum(str(row[column] or "unknown") == tone for row in those)) for tone in named}
    bar = f"document.querySelector('{ON_SPLIT} tbody tr:not([hidden]) svg').getAttribute('aria-label')"
    assert browser.run(bar).count("(") == len({row["category"] for row in those})


@pytest.mark.parametrize(
    ("source", "split"), [("ph2", ""), ("", "test"), ("ph2", "test")], ids=["source", "split", "both"]
)
def test_what_is_not_counted_again_says_so(browser: Browser, pages: dict[str, Path], source: str, split: str) -> None:
    """A table either is counted again, or lists one source of all by rows, or says that it is not of the choice."""
    listed = (
        "Array.from(document.querySelectorAll('main table')).map(t => ({caption: t.caption.innerText, "
        "trait: t.dataset.trait || '', sources: t.querySelectorAll('tr[data-source]').length, "
        "cells: Array.from(t.rows).filter(r => !r.hidden).map(r => r.innerText)}))"
    )
    browser.open(pages["demo"])
    before = browser.run(listed)
    assert not any("Not filtered" in table["caption"] for table in before)
    choose(browser, "source", source)
    choose(browser, "split", split)
    after = browser.run(listed)
    assert len(before) == len(after) > 20
    for was, now in zip(before, after, strict=True):
        name = was["caption"]
        if now["trait"]:
            assert "Not filtered" not in now["caption"], name
        elif split or not now["sources"]:
            assert "Not filtered" in now["caption"], name
        if not source and not now["trait"]:
            assert now["cells"] == was["cells"], name
        if "Not filtered" not in now["caption"]:
            assert now["cells"] != was["cells"], f"{name}: neither counted again nor marked"
    assert "tables that say so" in browser.run("document.getElementById('chosen').textContent")
    browser.run("document.getElementById('show-all').click()")
    assert browser.run(listed) == before


def test_what_nothing_has_says_so(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["demo"])
    choose(browser, "source", "hallym")
    choose(browser, "split", "train")  # all of Hallym is a published test set
    assert browser.run("document.getElementById('chosen').textContent").startswith("hallym, train: 0 pictures")
    frame = f"document.querySelector('{ON_SPLIT}').parentNode"
    assert "No picture" in browser.run(f"getComputedStyle({frame}, '::after').content")


def test_the_script_counts_as_the_page_does(browser: Browser, pages: dict[str, Path]) -> None:
    """With nothing chosen, what the script counts is what stood in the page before it ran."""
    words = "JSON.stringify(Array.from(document.querySelectorAll('table')).map(t => t.innerText))"
    browser.open(pages["demo"])
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["demo"])
        before = browser.run(words)
        assert browser.run("document.querySelector('.filters').hidden")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    browser.open(pages["demo"])
    assert browser.run(words) == before
    choose(browser, "source", "ph2")
    assert browser.run(words) != before
    browser.run("document.getElementById('show-all').click()")
    assert browser.run(words) == before


def test_clusters_are_filtered_by_evidence(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["demo"])
    shown = "Array.from(document.querySelectorAll('figure')).filter(f => !f.hidden).map(f => f.dataset.evidence)"
    everything = browser.run(shown)
    assert len(everything) > 5
    kind = everything[-1].split("; ")[0]
    choose(browser, "evidence", kind)
    assert browser.run(shown) == [evidence for evidence in everything if kind in evidence.split("; ")]


def test_is_reached_by_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["demo"], width=375)
    reached = set()
    for _ in range(40):
        browser.press("Tab")
        reached.add(browser.run("document.activeElement.id || document.activeElement.className"))
    assert {"choose-source", "choose-split", "show-all", "frame"} <= reached


def test_strangers_words_run_nothing(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["hostile"])
    assert browser.run("document.title") == report.TITLE
    assert not any(event["method"] == "Page.javascriptDialogOpening" for event in browser.events)
    assert browser.run("document.scripts.length") == 2  # the numbers, and the script that shows them


def _percent(share: float) -> str:
    return f"{100 * share:.{0 if share in (0, 1) else 1}f} %"
