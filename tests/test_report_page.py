"""The report page: whole, self-contained, escaped, readable on a phone, and there for every kind of corpus."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import small_corpus

from curate import db
from curate.audit import balance, report
from curate.errors import CorpusError
from curate.html import page as page_of
from curate.html.charts import Part, bar, stacked
from curate.html.markup import Markup, element, link, number, percent, text
from curate.workspace import Workspace

VOID = {"meta", "img", "br", "wbr"}
SECTIONS = {"ledger", "classes", "subtypes", "tone", "splits", "conflicts", "duplicates", "artefacts"}
SECTIONS |= {"people", "licences", "missing"}


class Page(HTMLParser):
    """Reads the page as a browser would: tags in balance, links, addresses, texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._table: list[list[str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of {tag} stands twice"
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._table = []
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.words.append(data)
        if "caption" in self.open:
            self.tables[data] = self._table
        elif {"td", "th"} & set(self.open) and "svg" not in self.open:
            self._table[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def rows(self, caption: str) -> list[list[str]]:
        """Return the cells of one table, row by row, head first; a bar is an empty cell."""
        return self.tables[caption]

    @property
    def said(self) -> str:
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small_corpus.build(tmp_path_factory.mktemp("corpus"), hostile=True)


@pytest.fixture(scope="module")
def html(built: Workspace) -> str:
    made = report.write(built)
    path = Path(made.details["file"])
    assert path == built.cache / "reports" / "report.html"
    assert made.exit_code == 0
    assert made.details["bytes"] == path.stat().st_size < 5_000_000
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_is_whole_html(html: str, page: Page) -> None:
    assert html.startswith("<!doctype html>")
    assert page.open == []
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == html.split("<body>")[0].count("<title>") == 1
    assert {attributes["id"] for attributes in page.all("section")} == SECTIONS
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = [attributes["href"] for attributes in page.all("a") if str(attributes["href"]).startswith("#")]
    assert {str(anchor)[1:] for anchor in anchors} == SECTIONS


def test_loads_nothing_from_anywhere(html: str, page: Page, built: Workspace) -> None:
    known = {url for manifest in built.manifests.values() for url in (manifest.homepage, manifest.license_url)}
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "srcset", "data", "action", "poster", "background"):
                assert str(value).startswith("data:image/jpeg;base64,"), (tag, name, value)
            if name == "href":
                assert str(value).startswith("#") or (tag == "a" and value in known), (tag, value)
    assert not {"link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.elements}
    assert all("src" not in attributes for attributes in page.all("script"))
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)
    assert style
    assert not re.search(r"url\((?!#)|@import|https?:", style[1])
    policy = [meta for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0]["content"]
    assert policy[0]["content"].startswith("default-src 'none'")


def test_the_only_script_that_may_run_is_ours(html: str, page: Page) -> None:
    (policy,) = (meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    script = html.rpartition("<script>")[2].partition("</script>")[0]
    assert script == (Path(page_of.__file__).parent / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert str(policy).endswith(f"; script-src 'sha256-{digest}'")
    assert page.all("script") == [{"type": "application/json", "id": "numbers"}, {}]
    assert "innerHTML" not in script
    assert "fetch(" not in script


def test_strangers_words_are_words(html: str, page: Page) -> None:
    assert html.count("<script") == 2
    assert "onerror=alert" not in html.replace("onerror=alert(2)&gt;", "")
    assert html.count("</style>") == 1
    assert "\x00" not in html
    assert "<script>alert('1')</script>&\"\ufffd" in page.said
    assert small_corpus.HOSTILE_NOTE in page.said


def test_is_readable_on_a_phone(html: str, page: Page) -> None:
    viewports = [meta["content"] for meta in page.all("meta") if meta.get("name") == "viewport"]
    assert viewports == ["width=device-width, initial-scale=1"]
    assert "@media (max-width" in html
    assert "@media (prefers-color-scheme: dark)" in html
    frames = [attributes for attributes in page.all("div") if attributes.get("class") == "frame"]
    assert len(frames) == len(page.all("table"))
    assert all(frame["tabindex"] == "0" and frame["role"] == "region" and frame["aria-label"] for frame in frames)


def test_tables_and_charts_say_what_they_are(page: Page) -> None:
    assert len(page.all("caption")) == len(page.all("table")) > 10
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}
    charts = [chart for chart in page.all("svg") if chart.get("class") == "bar"]
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    assert all(picture["alt"] for picture in page.all("img"))


def test_ledger_balances_on_the_page(built: Workspace, page: Page) -> None:
    with built.database(read_only=True) as database:
        claimed, kept = database.count("records"), database.count("corpus")
        outcomes = {row["outcome"] for row in database.table("ledger").to_pylist()}
    assert claimed == 15
    assert outcomes == {"kept", "duplicate", "no picture", "label conflict", "out of scope"}
    tables = page.rows("Where the records of each source ended, as shares of what it claims")
    assert tables[-1] == ["all", "", str(claimed), str(kept), str(claimed - kept)]
    for row in page.rows("The same in numbers, by reason")[1:]:
        assert int(row[1]) == sum(map(int, row[2:]))
    for outcome in outcomes:
        assert outcome in page.said


def test_says_what_ita_is_and_is_not(page: Page) -> None:
    for bound in ("55°", "41°", "28°", "10°", "-30°"):
        assert bound in page.said
    assert "ITA is weak on photographs" in page.said


def test_leakage_is_said(page: Page) -> None:
    assert "No leak: 0 groups are torn between splits." in page.said


def test_a_leak_is_said_too(tmp_path: Path) -> None:
    workspace = small_corpus.build(tmp_path)
    with workspace.database() as database:
        rows = database.table("corpus").to_pylist()
        database.replace("corpus", _torn(database, rows))
    said = Page(report.render(workspace)).said
    assert "No leak" not in said
    assert "groups are torn between splits." in said


def _torn(database: db.Database, rows: list[dict[str, object]]) -> object:
    import pyarrow as pa

    for place, row in enumerate(rows):
        row["family"] = "one"
        row["split"] = "train" if place % 2 else "test"
    return pa.Table.from_pylist(rows, schema=database.table("corpus").schema)


def test_duplicates_come_with_pictures(built: Workspace, page: Page) -> None:
    with built.database(read_only=True) as database:
        copies = database.table("duplicates").to_pylist()
    survivors = {row["survivor"] for row in copies}
    assert len(copies) > len(survivors) > 1  # one cluster has more than two
    assert len(page.all("figure")) == len(survivors)
    assert len(page.all("img")) == len(copies) + len(survivors)
    shown = {str(picture["alt"]).partition(" ")[2] for picture in page.all("img")}
    assert shown == survivors | {row["id"] for row in copies}


def test_a_picture_that_is_gone_is_said_so(tmp_path: Path) -> None:
    workspace = small_corpus.build(tmp_path)
    with workspace.database(read_only=True) as database:
        row = database.rows("report_clusters", most=1, widest=1)[0]
    workspace.store.path(row["copy_sha256"]).unlink()
    workspace.store.path(row["survivor_sha256"]).write_bytes(b"no picture")
    read = Page(report.render(workspace))
    assert read.said.count("cannot be shown: ") == 2


def test_same_corpus_same_page(built: Workspace, html: str) -> None:
    assert report.render(built) == html


@pytest.mark.parametrize("options", [{"labels_only": True}, {"empty": True}, {"empty": True, "labels_only": True}])
def test_works_on_little(tmp_path: Path, options: dict[str, bool]) -> None:
    read = Page(report.render(small_corpus.build(tmp_path, **options)))
    assert read.open == []
    assert {attributes["id"] for attributes in read.all("section")} == SECTIONS
    assert not read.all("img")
    assert ("labels only" in read.said) == options.get("labels_only", False)


def test_out_is_written_whole_or_not_at_all(built: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "page.html"
    assert report.write(built, out).made == 1
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]
    (tmp_path / "file").write_text("here")
    with pytest.raises(CorpusError, match="could not be written"):
        report.write(built, tmp_path / "file" / "page.html")


def test_no_corpus_is_an_error_that_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as raised:
        report.write(Workspace(tmp_path))
    assert raised.value.hint == "curate build"


def test_every_script_of_the_report_says_what_a_row_is() -> None:
    names = [path.stem for path in db.SQL.glob("report_*.sql")]
    assert len(names) > 8
    for name in names:
        assert db.sentence(name).startswith("one row"), name


def test_markup() -> None:
    assert element("p", "<b>", Markup("<i></i>"), None, 3, class_="a", data_x='"', hidden=True, title=None) == (
        '<p class="a" data-x="&quot;" hidden>&lt;b&gt;<i></i>3</p>'
    )
    assert text("\x1b[0m") == "\ufffd[0m"
    assert link("javascript:alert(1)", "<x>") == "&lt;x&gt;"
    assert link("https://[", "x") == "x"
    assert link("https://a.b/?c=1&d", "x") == '<a href="https://a.b/?c=1&amp;d" rel="noreferrer">x</a>'
    assert [percent(share) for share in (0, 1, 0.5, 0.0004, 0.9996, None)] == [
        "0 %", "100 %", "50.0 %", "<0.1 %", ">99.9 %", "–",
    ]  # fmt: skip
    assert number(1234567) == "1,234,567"


def test_charts() -> None:
    drawn = Page(stacked([Part("a", 1, "blue"), Part("b", 0, "sky"), Part("<c>", 3, "red")]))
    widths = [(rect["class"], rect["x"], rect["width"]) for rect in drawn.all("rect") if rect["class"] != "track"]
    assert widths == [("blue", "0.000%", "25.000%"), ("red", "25.000%", "75.000%")]
    assert "<c>: 3 (75.0 %)" in drawn.said
    assert len(Page(stacked([])).all("rect")) == 1
    assert Page(bar(1, 10_000, "blue", "one")).all("rect")[1]["width"] == "0.300%"
    assert Page(bar(5, 0, "blue", "none")).open == []


def test_parts_of_a_bar_can_be_told_apart_without_colour() -> None:
    """Parts side by side differ in texture, or in lightness to those who see no hue."""
    css = _style()
    textured = set(re.findall(r"rect\.(\w+):not", css)) - {"track"}
    for scheme in css.split("@media (prefers-color-scheme: dark)")[:2]:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme.split("* {")[0]))
        for parts in (["blue", "orange", "red"], list(balance.SPLITS.values())):
            for first, second in itertools.pairwise(parts):
                textures = {first, second} & textured
                assert len(textures) >= 1 or _contrast(colours[first], colours[second]) >= 1.5, (first, second)


def test_colours_can_be_told_apart() -> None:
    """WCAG 2.1: text at least 4.5 to 1 on its ground, parts of a chart at least 3 to 1 or beside their number."""
    css = _style()
    for scheme in css.split("@media (prefers-color-scheme: dark)")[:2]:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme.split("* {")[0]))
        for ground in ("paper", "card"):
            for ink in ("ink", "soft", "link", "good", "bad"):
                assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


def _style() -> str:
    folder = Path(page_of.__file__).parent
    return "".join((folder / name).read_text(encoding="utf-8") for name in ("colours.css", "page.css"))


def _contrast(first: str, second: str) -> float:
    lights = sorted(map(_luminance, (first, second)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
