"""report: the corpus on one page that works offline, for people who did not build it."""

from __future__ import annotations

from pathlib import Path

from curate import __version__, freshness, whole
from curate.audit import appearance, balance, copies, credit, overview
from curate.audit.filters import filters
from curate.errors import CorpusError
from curate.html.markup import element
from curate.html.page import page, paragraph
from curate.report import Report
from curate.workspace import Workspace

TITLE = "The skin-lesion corpus"


def write(workspace: Workspace, out: Path | None = None) -> Report:
    """Write the page to `out` (`data_cache/reports/report.html`), whole or not at all; the same corpus, the same bytes.

    Raises CorpusError where there is no corpus yet, or where `out` cannot be written.
    """
    report = Report("report", "pages")
    path = out if out is not None else workspace.cache / "reports" / "report.html"
    made = render(workspace)
    try:
        whole.write_text(path, made)
        if out is None:
            whole.seal(path)
    except OSError as refused:
        raise CorpusError(
            "the page could not be written", where=str(path), found=str(refused), hint="curate report --out FILE"
        ) from refused
    report.made = 1
    report.details = {"file": str(path), "bytes": path.stat().st_size}
    return report


def render(workspace: Workspace) -> str:
    """Return the page as HTML.

    Raises CorpusError where there is no corpus yet, or where it is of another time than its labels or its pictures.
    """
    recipe = workspace.recipe
    with workspace.database(read_only=True) as database:
        if not database.has("corpus"):
            raise CorpusError("there is no corpus here yet", where=str(workspace.root), hint="curate build")
        freshness.require(database, "split")
        totals = database.rows("report_totals")[0]
        chosen = filters(database, balance.palette(database), balance.SPLITS)
        sections = [
            overview.ledger(database, workspace.locked()),
            balance.classes(database),
            balance.subtypes(database, recipe.split),
            appearance.tone(database),
            balance.splits(database, recipe.split),
            copies.conflicts(database),
            copies.duplicates(workspace, database),
            appearance.artefacts(database),
            balance.people(database),
            credit.licences(database, workspace.manifests),
            credit.missing(database),
        ]
    footer = [
        paragraph(
            f"Made by curate {__version__}. This page asks nothing of any network, and runs no script but its own."
        ),
        paragraph(
            "Not a medical device: nothing here may be used to diagnose, to choose a treatment, or to put off a doctor."
        ),
        paragraph("One picture's whole story: ", element("code", "curate explain ID"), class_="ask"),
    ]
    return page(TITLE, overview.lead(totals, recipe), sections, footer, filters=chosen)
