"""One picture's whole story: claimed by whom, copy of which on what evidence, labelled how, why in or out."""

from __future__ import annotations

import json
from typing import Any

from curate import freshness
from curate.errors import CorpusError, UsageError
from curate.workspace import Workspace


def story(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return the story of the record `name`, as plain values by chapter.

    `name` may be a whole id (`isic_2019:ISIC_0000001_downsampled`) or a part after the colon that only one source has.
    Raises UsageError where no record, or more than one, has that name; CorpusError where there is no corpus.
    """
    with workspace.database(read_only=True) as database:
        if not database.has("corpus"):
            raise CorpusError("the corpus is not built yet", where=str(workspace.root), hint="curate build")
        freshness.require(database, "split")
        found = database.rows("named", name=name)
        exact = [row for row in found if row["id"] == name]
        if not found:
            raise UsageError(
                f"no record has the id {name!r}",
                expected="source:image_id, for instance isic_2019:ISIC_0000001_downsampled",
                hint="curate sql \"select id from records where id like '%...%'\"",
            )
        if len(found) > 1 and not exact:
            raise UsageError(
                f"{len(found)} records are named {name!r}",
                found=", ".join(row["id"] for row in found),
                hint=f"curate explain {found[0]['id']}",
            )
        identity = (exact or found)[0]["id"]
        chapters = {
            chapter: database.rows(f"story_{chapter}", id=identity)
            for chapter in ("claim", "picture", "edges", "kin", "label", "copies", "split", "outcome")
        }
    return {"id": identity, **chapters}


def lines(told: dict[str, Any]) -> list[str]:
    """Return the story as lines that a person reads from top to bottom."""
    claim = told["claim"][0]
    text = [told["id"]]
    text += _chapter("claimed by", [f"{claim['source']} ({claim['title']}), as {claim['image_id']}"])
    said = [f"{word} {value!r}" for word, value in claim.items() if value is not None and word in _CLAIMED]
    text += _chapter("it says", [", ".join(said)] if said else ["nothing but the picture"])
    for picture in told["picture"]:
        where = f"{claim['file']}" + (f", cell {picture['cell']}" if picture["cell"] else "")
        text += _chapter("picture", [where, f"sha256 {picture['sha256']}"])
        if picture["width"]:
            place = f" at {picture['box_left']}, {picture['box_top']} on the sheet" if picture["cell"] else ""
            text += _chapter("", [f"{picture['width']}x{picture['height']} {picture['format']}{place}"])
    if not told["picture"]:
        text += _chapter("picture", ["not here"])
    text += _chapter("copy of", [f"{edge['other']}: {edge['kind']} ({edge['evidence']})" for edge in told["edges"]])
    text += _chapter("one lesion", [f"{kin['other']}, as seen ({kin['evidence']})" for kin in told["kin"]])
    for label in told["label"] if claim["problem"] is None else []:
        meaning = label["subtype"] or label["category"] or label["status"]
        text += _chapter("label", [f"{label['source_label']!r} means {meaning}" + _note(label["note"])])
        if label["rule"] and label["rule"] != "agreed":
            text += _chapter("", [f"together with its copies: {label['rule']}"])
            text += _chapter("", [f"{copy['id']} says {copy['source_label']!r}" for copy in told["copies"]])
    for split in told["split"]:
        text += _chapter(
            "split", [f"{split['split']} ({split['rule']}), family {split['family']} of {split['members']}"]
        )
    outcome = told["outcome"][0]
    text += _chapter("licence", [f"{claim['license']}: {claim['attribution']}"])
    if outcome["reason"] is None:
        meaning = " / ".join(value for value in (outcome["category"], outcome["subtype"]) if value)
        text += _chapter("outcome", [f"in the corpus, as {meaning}"])
        borrowed = json.loads(outcome["origins"]) if outcome["origins"] else {}
        text += _chapter("learnt", [f"{field} from its copy {origin}" for field, origin in sorted(borrowed.items())])
    else:
        text += _chapter("outcome", [f"left out: {outcome['reason']}", outcome["detail"]])
        if outcome["rule"]:
            text += _chapter("", [outcome["rule"]])
    return text


_CLAIMED = (
    "source_label",
    "published_split",
    "lesion_id",
    "patient_id",
    "age",
    "sex",
    "site",
    "diagnosis_method",
    "tone_reported",
    "modality",
)


def _chapter(title: str, sentences: list[str | None]) -> list[str]:
    told = [sentence for sentence in sentences if sentence]
    return [f"  {title if number == 0 else '':<11} {sentence}" for number, sentence in enumerate(told)]


def _note(note: str | None) -> str:
    return f" ({note})" if note else ""
