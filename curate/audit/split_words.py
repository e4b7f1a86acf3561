"""The audit of a split in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curate.text_table import text_table

_MOST_LISTED = 10  # names of one list on the terminal; --json has them all

_MOST_TOLD = 6  # pairs of splits that are told kind by kind also where they leak nothing

_SAYS = {
    "id": "are in {0} too",
    "listed": "are copies, by an official list, of pictures in {0}",
    "bytes": "have the same bytes as a picture in {0}",
    "near": "are near duplicates of pictures in {0}",
    "lesion": "have their lesion in {0}",
    "patient": "have their patient in {0}",
}


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return what `curate.audit.splits.audit` found, for a person: first the file, then each two splits that leak."""
    return [*_file(found), *_pairs(found), *_verdict(found)]


def _file(found: Mapping[str, Any]) -> Iterator[str]:
    columns = found["columns"]
    splits = ", ".join(f"{row['split']} {row['rows']:,}" for row in found["splits"])
    yield f"{found['file']}: {found['rows']:,} rows; pictures in {columns['picture']!r}, splits in {columns['split']!r}"
    yield f"  splits:  {splits or 'none'}"
    sources = ", ".join(f"{name} {count:,}" for name, count in found["sources"].items())
    yield f"  known:   {found['known']:,} rows, {found['pictures']:,} pictures ({sources or 'none'})"
    for note in found["notes"]:
        yield f"  note:    {note}"
    if found["encoding"] != "utf8":
        yield f"  text:    read as {found['encoding']}"
    for name, words in (("without_name", "no picture name"), ("without_split", "no split")):
        if found[name] == 1:
            yield f"  1 row has {words}: nothing is said about it"
        elif found[name]:
            yield f"  {found[name]:,} rows have {words}: nothing is said about them"
    if found["unmatched"]["rows"]:
        unmatched = found["unmatched"]
        names = _some([_why(row) for row in unmatched["listed"]], unmatched["names"])
        yield f"  unknown: {unmatched['rows']:,} rows, of which only the names are compared: {names}"
    if found["doubled"]["names"]:
        count = found["doubled"]["names"]
        doubled = [f"{row['name']} ({', '.join(row['splits'])})" for row in found["doubled"]["listed"]]
        yield f"  doubled: {count:,} names stand in more than one split: {_some(doubled, count)}"


def _why(row: Mapping[str, Any]) -> str:
    return str(row["name"]) + ("" if row["problem"] == "not known here" else f" ({row['problem']})")


def _pairs(found: Mapping[str, Any]) -> Iterator[str]:
    quiet = []
    for pair in found["pairs"]:
        name = f"{pair['split']} against {pair['against']}"
        if not pair["any"]["pictures"] and len(found["pairs"]) > _MOST_TOLD:
            quiet.append(name)
            continue
        yield ""
        yield f"{name}:"
        for entry in pair["kinds"]:
            yield f"  {entry['kind']:<8} {_sentence(entry, pair, found['needs'])}"
            for row in found["examples"]:
                if (row["split"], row["against"], row["kind"]) == (pair["split"], pair["against"], entry["kind"]):
                    yield f"           e.g. {row['name']} and {row['partner']} ({row['group']})"
        for title, part in (("source", "by_source"), (found["columns"]["by"], "by_column")):
            if pair[part] and pair["any"]["pictures"]:
                yield ""
                yield from ("  " + line for line in text_table(_table(title, pair, part)).splitlines())
    if quiet:
        yield ""
        yield f"no leak seen: {_some(quiet, len(quiet))}"


def _sentence(entry: Mapping[str, Any], pair: Mapping[str, Any], needs: Mapping[str, str]) -> str:
    if entry["kind"] in needs:
        return needs[entry["kind"]]
    if not entry["pictures"] and entry.get("unknown") == entry["of"]:
        return f"unknown for all {entry['of']:,}"
    says = _SAYS[entry["kind"]].format(pair["against"])
    share = f" ({100 * entry['pictures'] / entry['of']:.1f} %)" if entry["pictures"] else ""
    unknown = f"; unknown for {entry['unknown']:,}" if entry.get("unknown") else ""
    return f"{entry['pictures']:,} of {entry['of']:,} {pair['split']} pictures{share} {says}{unknown}"


def _table(title: str, pair: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    shown = [entry["kind"] for entry in pair["kinds"] if entry["pictures"]]
    return [
        {title: value or "(empty)"}
        | {e["kind"]: f"{e['pictures']:,}/{e['of']:,}" for e in entries if e["kind"] in shown}
        | {f"{e['kind']} unknown": e["unknown"] for e in entries if e["kind"] in shown and "unknown" in e}
        for value, entries in pair[part].items()
    ]


def _verdict(found: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    if found["leaks"]:
        yield "the split leaks"
    else:
        compared, rows = found["compared"], found["rows"]
        among = f" among the {compared:,} of {rows:,} rows known" if compared < rows else ""
        yield f"no leak seen{among}" + (f"; not looked for: {', '.join(found['needs'])}" if found["needs"] else "")


def _some(names: Sequence[str], count: int) -> str:
    more = count - min(len(names), _MOST_LISTED)
    return ", ".join(names[:_MOST_LISTED]) + (f", and {more:,} more (--json lists all)" if more > 0 else "")
