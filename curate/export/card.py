"""The data card of an exported folder: what is in it, whose it is, what is wrong with it, how to cite it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from curate import __version__
from curate.export.selection import Selection
from curate.images import hair
from curate.images.tone import BOUNDS, Bounds


def card(chosen: Selection, form: str) -> str:
    """Return DATA_CARD.md; it says nothing that depends on when or where it was written."""
    parts = [
        f"# Data card: {chosen.workspace.recipe.shard.name}",
        f"{chosen.tally.pictures:,} pictures of skin lesions from {len(chosen.credits)} sources, as `{form}`; made "
        f"with curate {__version__}, label maps {chosen.names.version}. "
        "Not a medical device, and no ground for a diagnosis.",
        "## Pictures",
        _by_split(chosen, "source"),
        _by_split(chosen, "category"),
        "Pictures of one lesion, of one patient, and copies of one picture are a family and stand in one split "
        f"({chosen.families:,} families).",
        _subtypes(chosen),
        "## How they were made",
        _making(chosen, form),
        "## Skin tone",
        _tone(chosen, BOUNDS[chosen.workspace.recipe.tone.bounds]),
        "## Licences",
        _licences(chosen),
        "## Known issues",
        "\n".join(f"- {issue}" for issue in issues(chosen)),
        "## What was left out",
        _left_out(chosen),
        "## How to cite",
        _cite(chosen),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def passing_on(chosen: Selection) -> list[str]:
    """Return a sentence for each licence whose pictures may not be passed on, or of which nobody says so."""
    said = {
        "no": "may not be passed on",
        "unknown": "may perhaps not be passed on: the source does not say",
    }
    found = []
    for redistribution, words in said.items():
        under: dict[str, list[Any]] = {}
        for credit in chosen.credits:
            if credit.redistribution == redistribution:
                under.setdefault(credit.license, []).append(credit)
        for license_, credits_ in sorted(under.items()):
            count = sum(credit.pictures for credit in credits_)
            names = ", ".join(credit.source for credit in credits_)
            found.append(f"{count:,} pictures ({names}; {license_}) {words}")
    return found


def issues(chosen: Selection) -> list[str]:
    """Return what whoever uses this should know before, a sentence each."""
    pictures = chosen.tally.pictures
    found = [f"{sentence}." for sentence in passing_on(chosen)]
    bare = chosen.tally.of("subtype")[None]
    if bare:
        found.append(f"{bare:,} pictures have a category but no subtype: their source names none, or copies disagree.")
    conflicts = sum(row["records"] for row in chosen.reasons if row["reason"] == "label conflict")
    if conflicts:
        found.append(f"{conflicts:,} records of the corpus are left out: their copies have different categories.")
    for rule in chosen.rules:
        if "left out" not in rule["rule"]:
            found.append(
                f"{rule['copy_groups']:,} groups of copies in the corpus carry different labels: {rule['rule']}."
            )
    found.append("A subtype, and its category, may rest on the labels of a copy in another source.")
    if chosen.lenders:
        lenders = ", ".join(f"{credit.source} ({credit.license})" for credit in chosen.lenders)
        found.append(f"Of these sources values only are here, no picture: {lenders}.")
    if chosen.borrowed.values:
        found.append(
            f"{chosen.borrowed.values:,} values that only copies under other licences know were taken out of it."
        )
    methods = Counter({name or "not said": count for name, count in chosen.tally.of("diagnosis_method").items()})
    proven = methods["histopathology"]
    found.append(
        f"{proven:,} of {pictures:,} diagnoses are known to be from histopathology; how the others were made: "
        + ", ".join(f"{name} {count:,}" for name, count in sorted(methods.items()) if name != "histopathology")
        + "."
    )
    found += [f"{name.capitalize()}: {note}." for name, note in chosen.names.notes.items() if note]
    for subtype, category, usual, why in chosen.names.changed:
        found.append(f"{subtype} counts as {category} here, and as {usual} in the taxonomy of curate: {why}.")
    for source, entry in sorted(chosen.workspace.locked().items()):
        for standing in ("not the official bytes", "unpinned"):
            names = sorted(name for name, file in entry.files.items() if file.standing == standing)
            if names and any(credit.source == source for credit in chosen.credits):
                found.append(f"{source}: {standing}: {', '.join(names)}.")
    return found


def _by_split(chosen: Selection, word: str) -> str:
    splits = list(chosen.tally.splits)
    counts = Counter({(str(value), split): count for (value, split), count in chosen.tally.words[word].items()})
    places = {name: place for place, name in enumerate(chosen.names.categories)}
    names = sorted({name for name, _ in counts}, key=lambda name: (places.get(name, -1), name))
    rows: list[list[Any]] = []
    for name in names:
        inside = [counts[name, split] for split in splits]
        rows.append([name, *inside, sum(inside)])
    sums = list(chosen.tally.splits.values())
    return _table([word, *splits, "all"], [*rows, ["all", *sums, sum(sums)]])


def _subtypes(chosen: Selection) -> str:
    counts = [((subtype or "unknown", category), count) for (subtype, category), count in chosen.tally.kinds.items()]
    ordered = sorted(counts, key=lambda each: (-each[1], each[0]))
    return _table(["subtype", "category", "pictures"], [[*names, count] for names, count in ordered])


def _making(chosen: Selection, form: str) -> str:
    recipe = chosen.workspace.recipe.shard
    if form in ("splits", "parquet"):
        return "This folder holds no pictures, only what is said of them."
    bare = (
        f" Long dark hairs are painted over at that size ({hair.METHOD}, version {hair.VERSION}), and the picture then "
        f"encoded as any other; a picture with less than {hair.LEAST:.1%} under hair, or with a short side below "
        f"{hair.SMALLEST} pixels, is as it would be otherwise."
        if recipe.hair_removal
        else ""
    )
    return (
        f"Every picture is RGB in sRGB, upright, with a short side of at most {recipe.short_side} pixels. One within "
        "that size loses nothing: where it is a JPEG or PNG that every decoder shows alike, its encoded pixels are "
        "kept as they stand; else it is encoded as PNG. A larger one is decoded at its full size, scaled once (each "
        f"pixel the mean of the area it covers) and encoded as JPEG of quality {recipe.quality}. Tiles are cut out of "
        f"their sheets, scaled likewise where they are larger, and encoded as PNG.{bare} No picture has metadata: EXIF "
        "(with place and time), comments, texts, thumbnails and colour profiles are taken out of the files, also of "
        "those whose pixels are kept; `sha256` is that of the source's own file. What is burnt into the pixels stays. "
        "Labels are harmonised by the label maps; the source's own word stands in `source_label`."
    )


def _tone(chosen: Selection, bounds: Bounds) -> str:
    reported, estimated = (chosen.tally.of(word) for word in ("tone_reported", "tone_ita_class"))
    unknown = reported.pop(None, 0), estimated.pop(None, 0)
    lines = [
        "Reported (Fitzpatrick type) and estimated (individual typology angle of the skin beside the lesion) are two "
        "scales, and are never merged. A type may be reported only where there was a biopsy, so the labels within a "
        "type need not be those of its skin. The estimate is weak on photographs, whose light and white balance change "
        f"it as much as skin does. Its classes: {bounds}.",
        _table(
            ["reported type", "pictures"],
            [[tone, count] for tone, count in sorted(reported.items())] + [["unknown", unknown[0]]],
        ),
        _table(
            ["estimated class", "pictures"],
            [[tone, count] for tone, count in sorted(estimated.items())] + [["unknown", unknown[1]]],
        ),
    ]
    return "\n\n".join(lines)


def _licences(chosen: Selection) -> str:
    parts = [
        "A picture is under the licence of the release whose bytes were kept. Credits: `ATTRIBUTION.txt`; licences: "
        "`licenses/`.",
        _table(
            ["source", "licence", "may be passed on", "pictures"],
            [[credit.source, credit.license, credit.redistribution, credit.pictures] for credit in chosen.credits],
        ),
    ]
    if chosen.allowed:
        left = ", ".join(f"{count:,} under {name}" for name, count in chosen.refused.items()) or "none"
        parts.append(f"Only pictures under {', '.join(chosen.allowed)} were wanted; left out for that: {left}.")
    return "\n\n".join(parts)


def _left_out(chosen: Selection) -> str:
    rows = [[row["reason"], row["records"]] for row in chosen.reasons]
    if not rows:
        return "Nothing that the sources claim."
    return "Records of the whole corpus, by the first reason that holds.\n\n" + _table(["reason", "records"], rows)


def _cite(chosen: Selection) -> str:
    lines = [
        f"Cite this set as: {chosen.workspace.recipe.shard.name}, {chosen.tally.pictures} pictures{_under(chosen)} of "
        f"corpus {chosen.corpus[:16]}, built with curate {__version__}, label maps {chosen.names.version}; and the "
        "sources that it is made of:",
        "",
    ]
    for credit in (*chosen.credits, *chosen.lenders):
        lines.append(f"- {credit.title}: {credit.attribution}")
        lines += [f"  - {work}" for work in credit.citation]
    return "\n".join(lines)


def _under(chosen: Selection) -> str:
    return f" under {', '.join(chosen.allowed)}" if chosen.allowed else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        lines.append("| " + " | ".join(f"{cell:,}" if type(cell) is int else _plain(cell) for cell in row) + " |")
    return "\n".join(lines)


def _plain(cell: object) -> str:
    return " ".join(str(cell).split()).replace("|", "\\|")
