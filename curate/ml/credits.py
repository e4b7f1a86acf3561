"""Whose pictures these are: the credit and licence texts that lie beside everything made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from curate.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Credit:
    """What one source asks for, and how many of its pictures are in; in which splits, where that is known."""

    source: str
    title: str
    license: str
    license_url: str
    redistribution: str
    attribution: str
    citation: tuple[str, ...]
    homepage: str
    pictures: int
    pictures_by_split: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; without `pictures_by_split` where that is not known."""
        values = asdict(self) | {"citation": list(self.citation)}
        if not self.pictures_by_split:
            del values["pictures_by_split"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Credit:
        """Read what `as_dict` gave."""
        return cls(**(values | {"citation": tuple(values["citation"])}))


def credits_of(manifests: Mapping[str, Manifest], pictures: Mapping[str, int]) -> list[Credit]:
    """Return the credit of each source of which there are pictures, or values (0 pictures), by name."""
    return [
        Credit(
            source=source,
            title=manifests[source].title,
            license=manifests[source].license,
            license_url=manifests[source].license_url,
            redistribution=manifests[source].redistribution,
            attribution=manifests[source].attribution,
            citation=tuple(manifests[source].citation),
            homepage=manifests[source].homepage,
            pictures=count,
        )
        for source, count in sorted(pictures.items())
    ]


def credits_in(index: Mapping[str, Any]) -> list[Credit]:
    """Return the credits of the shards whose `index.json` is given, by split where it says which sources are in each.

    >>> credit = dict.fromkeys(("source", "title", "license", "license_url", "redistribution"), "drawn")
    >>> credit |= {"attribution": "", "citation": [], "homepage": "", "pictures": 3}
    >>> splits = {"train": {"source": {"drawn": 2}}, "test": {"source": {"drawn": 1}}}
    >>> credits_in({"credits": [credit], "splits": splits})[0].pictures_by_split
    {'train': 2, 'test': 1}
    """
    splits = index.get("splits", {})
    return [
        replace(
            credit,
            pictures_by_split={split: said.get("source", {}).get(credit.source, 0) for split, said in splits.items()},
        )
        for credit in map(Credit.from_dict, index["credits"])
    ]


def attribution_text(credits_: Iterable[Credit], told_in: str = "index.json") -> str:
    """Return ATTRIBUTION.txt: for each source its title, licence, credit line, citations and number of pictures.

    `told_in` is the file beside it that says what was changed.
    """
    parts = [
        f"Pictures and labels in this folder come from the sources below, changed as `{told_in}` says\n"
        "(larger pictures scaled down, tiles cut out of sheets, labels harmonised).\n"
    ]
    for credit in sorted(credits_, key=lambda each: each.source):
        lines = [
            f"{credit.title} ({credit.source})",
            f"  pictures:       {credit.pictures}",
            f"  license:        {credit.license} {credit.license_url}".rstrip(),
            f"  redistribution: {credit.redistribution}",
            f"  credit:         {credit.attribution}",
            *[f"  cite:           {citation}" for citation in credit.citation],
        ]
        if credit.homepage:
            lines.append(f"  homepage:       {credit.homepage}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def write_credits(folder: Path, credits_: Iterable[Credit], told_in: str = "index.json") -> None:
    """Write ATTRIBUTION.txt and, for each licence, licenses/<SPDX id>.txt with its address and its sources."""
    known = sorted(credits_, key=lambda each: each.source)
    (folder / "ATTRIBUTION.txt").write_text(attribution_text(known, told_in), encoding="utf-8")
    licenses = folder / "licenses"
    licenses.mkdir(exist_ok=True)
    for name in sorted({credit.license for credit in known}):
        under = [credit for credit in known if credit.license == name]
        urls = sorted({credit.license_url for credit in under if credit.license_url})
        lines = [name, *urls, "", "Pictures of these sources are under this licence:"]
        lines += [f"  {credit.source}: {credit.title}" for credit in under]
        safe = "".join(letter if letter.isalnum() or letter in ".-+" else "_" for letter in name)
        (licenses / f"{safe}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
