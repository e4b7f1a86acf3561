"""review: the pairs that only their look speaks for or against, side by side, each with the lines that decide it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate import __version__, freshness, whole
from curate.audit.thumbnail import Thumbnail, thumbnails
from curate.components import components
from curate.errors import CorpusError
from curate.html.markup import Content, Markup, breakable, element, number
from curate.html.page import Section, page, paragraph, section
from curate.report import Report
from curate.workspace import Workspace

MOST = 100  # questions on one page: what a person looks through at one sitting
_DOUBT = 0.6  # of the way from the bound to full agreement: so far below the bound a refused pair is still shown
_KIN_SURE = 0.95  # score from which two tiles of one sheet are of one lesion without a question
_SIDE = 240  # pixels
_LINES = 12  # lines of one question; more copies than that are rare

_HEADINGS = {
    "one": (
        "Taken for one picture",
        "One of the two is left out as a copy. A line that rejects the pair brings it back.",
    ),
    "family": (
        "Taken for one lesion, two photographs",
        "Both stay, in one split. A line that rejects the pair parts them; one that accepts it leaves one of them out "
        "as a copy.",
    ),
    "two": ("Taken for two pictures", "Both are kept. A line that accepts the pair leaves one of them out as a copy."),
}


@dataclass(frozen=True)
class Question:
    """Whether two pictures are one: the most doubtful pair between two groups of sure copies, and all such pairs.

    `row` is a row of `review_pairs`; `pairs` are ids, of which each has to be rejected for the groups to come apart.
    """

    row: dict[str, Any]
    pairs: tuple[tuple[str, str], ...]

    @property
    def lines(self) -> dict[str, list[str]]:
        """The lines of `decisions.csv` that say yes, and those that say no."""
        first, second = self.pairs[0]
        return {
            "accept": [f"accept,{first},{second},"],
            "reject": [f"reject,{one},{other}," for one, other in self.pairs],
        }

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        said = {name: self.row[name] for name in ("first", "second", "taken", "score", "evidence")}
        return said | {f"{end}_label": self.row[f"{end}_label"] for end in ("first", "second")} | {"lines": self.lines}


def questions(workspace: Workspace) -> list[Question]:
    """Return what only a person can decide, the most doubtful first; pairs that `decisions.csv` decides are not asked.

    Raises CorpusError where the copies were not looked for yet, or where pictures came since.
    """
    with workspace.database(read_only=True) as database:
        freshness.require(database, "dedup")
        rows = database.rows("review_pairs", doubt=_DOUBT, kin_sure=_KIN_SURE)
        sure = [(row["first"], row["second"]) for row in database.rows("review_sure")]
    ids = sorted({row[end] for row in rows for end in ("first", "second")} | {name for pair in sure for name in pair})
    group = dict(zip(ids, components(ids, sure), strict=True))
    asked: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        ends = sorted((group[row["first"]], group[row["second"]]))
        if ends[0] != ends[1]:  # else other evidence joins them, whatever they look like
            asked.setdefault((ends[0], ends[1]), []).append(row)
    made = [Question(found[0], tuple((row["first"], row["second"]) for row in found)) for found in asked.values()]
    return sorted(made, key=lambda question: (question.row["distance"], question.pairs[0]))


def write(workspace: Workspace, out: Path | None = None, *, most: int = MOST) -> Report:
    """Write the page of at most so many questions to `out` (`data_cache/reports/review.html`), whole or not at all.

    `details` has all questions. Raises CorpusError where there is nothing to ask about, or `out` cannot be written.
    """
    report = Report("review", "pairs to decide", did="on the page")
    asked = questions(workspace)
    path = out if out is not None else workspace.cache / "reports" / "review.html"
    made = render(workspace, asked, most)
    try:
        whole.write_text(path, made)
        if out is None:
            whole.seal(path)
    except OSError as refused:
        raise CorpusError(
            "the page could not be written", where=str(path), found=str(refused), hint="curate review --out FILE"
        ) from refused
    report.made = min(len(asked), most)
    if len(asked) > most:
        report.notes.append(f"{len(asked) - most:,} more, less doubtful: decide these first, or --most {len(asked)}")
    report.details = {"file": str(path), "questions": [question.as_dict() for question in asked]}
    return report


def render(workspace: Workspace, asked: Sequence[Question], most: int = MOST) -> str:
    """Return the page as HTML."""
    shown = asked[:most]
    with workspace.progress("review", 2 * len(shown), "pictures") as advance:
        rows = [question.row for question in shown]
        looks = thumbnails(workspace, rows, advance, ends=("first", "second"), side=_SIDE)
    both = list(zip(shown, looks, strict=True))
    sections = [_section(taken, [pair for pair in both if pair[0].row["taken"] == taken]) for taken in _HEADINGS]
    of_all = "" if len(shown) == len(asked) else f" of {number(len(asked))}"
    lead = [
        paragraph(
            f"{number(len(shown))}{of_all} pairs of pictures that only their look speaks for or against, the most "
            "doubtful first. Where you are sure, copy the lines under a pair into ",
            element("code", str(workspace.decisions_path.name)),
            " in the root of the corpus, with a reason after the last comma; its first line is ",
            element("code", "decision,first,second,note"),
            ". Every build replays it. ",
            element("code", "curate dedup --dry-run"),
            " says first what that would change.",
            class_="lead",
        )
    ]
    footer = [paragraph(f"Made by curate {__version__}. This page holds no script and asks nothing of any network.")]
    return page("Pairs to decide", lead, sections, footer)


def _section(taken: str, pairs: Sequence[tuple[Question, tuple[Thumbnail, Thumbnail]]]) -> Section:
    heading, says = _HEADINGS[taken]
    if not pairs:
        return section(taken, heading, paragraph("None that is in doubt.", class_="none"))
    figures = [_figure(question, looks) for question, looks in pairs]
    return section(taken, heading, paragraph(says), element("div", *figures, class_="pairs large"))


def _figure(question: Question, looks: tuple[Thumbnail, Thumbnail]) -> Markup:
    row = question.row
    lesions = {row["first_lesion"], row["second_lesion"]}
    same_lesion = " Of one lesion, as the source says." if len(lesions) == 1 and None not in lesions else ""
    decide: list[Content] = []
    for word, lines in question.lines.items():
        more = len(lines) - _LINES
        decide.append(element("pre", "\n".join(lines[:_LINES]), class_=f"decide {word}", tabindex=0))
        if more > 0:
            decide.append(paragraph(f"and {number(more)} more lines: curate review --json", class_="soft"))
    return element(
        "figure",
        element("div", _look(row, "first", looks[0]), _look(row, "second", looks[1]), class_="looks"),
        element("figcaption", paragraph(f"{row['evidence'][:1].upper()}{row['evidence'][1:]}.{same_lesion}"), *decide),
        class_="pair",
    )


def _look(row: dict[str, Any], end: str, look: Thumbnail) -> Markup:
    name = row[end]
    if look.uri is None:
        seen = element("div", look.problem, class_="unseen")
    else:
        seen = element("img", src=look.uri, alt=f"{end} {name}", width=look.width, height=look.height, decoding="async")
    size = f"{row[f'{end}_width']} × {row[f'{end}_height']}"
    label = row[f"{end}_label"] or "no label"
    return element(
        "div", seen, paragraph(element("code", breakable(name))), paragraph(f"{size}; “{label}”", class_="soft")
    )
