"""What the drawn trees of the five ISIC years share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from curate.records import Claim, Record
from drawers.drawing import NUMBER, PIXELS, WORDS, Tree, filled, said, tables

Cells = dict[str, str]
Claims = dict[str, dict[str, Any]]


def names_of_pictures(most: int = 6) -> st.SearchStrategy[list[str]]:
    """Draw names of pictures, each once."""
    number = st.integers(0, 30)
    return st.lists(
        st.builds("ISIC_{:07}{}".format, number, st.sampled_from(["", "", "", "_downsampled"])),
        unique=True,
        max_size=most,
    )


@st.composite
def rows(draw: st.DrawFn, listed: Sequence[str], **columns: st.SearchStrategy[str]) -> dict[str, Cells]:
    """Draw the cells of these columns for each picture."""
    return {name: {word: draw(cells) for word, cells in columns.items()} for name in listed}


@st.composite
def one_hot(draw: st.DrawFn, listed: Sequence[str], classes: Sequence[str]) -> tuple[dict[str, Cells], Cells]:
    """Draw the cells of one-hot columns for each picture, and the label that they mean ("" for none)."""
    zero, one = draw(st.sampled_from([("0", "1"), ("0.0", "1.0")]))
    label = {name: draw(st.sampled_from(["", *classes])) for name in listed}
    return {name: {word: one if word == label[name] else zero for word in classes} for name in listed}, label


@st.composite
def written(draw: st.DrawFn, key: str, cells: dict[str, Cells]) -> bytes:
    """Draw a table of these rows, its columns in any order."""
    header = draw(st.permutations([key, *dict.fromkeys(word for row in cells.values() for word in row)]))
    return draw(tables(header, [[{key: name, **row}[word] for word in header] for name, row in cells.items()]))


@st.composite
def finished(draw: st.DrawFn, files: dict[str, bytes], claims: Claims, *, masks: bool = True) -> Tree:
    """Draw which pictures and masks are there, and return the tree with its records."""
    records: list[Claim] = []
    for name, claim in claims.items():
        picture, mask = f"{name}.jpg", f"{name}_{draw(st.sampled_from(['segmentation', 'Segmentation']))}.png"
        has_picture, has_mask = draw(st.booleans()), masks and draw(st.booleans())
        files |= {picture: PIXELS} if has_picture else {}
        files |= {mask: PIXELS} if has_mask else {}
        records.append(
            Record(
                image_id=name,
                file=picture if has_picture else None,
                mask=mask if has_mask else None,
                isic_id=name.removesuffix("_downsampled"),
                modality="dermoscopic",
                **claim,
            )
        )
    return Tree({**files, "ISIC_9999999.jpg": PIXELS, "LICENSE.txt": b"\xe9"}, records)


@st.composite
def labels_and_people(
    draw: st.DrawFn,
    tables_of: dict[str, tuple[str, str]],
    key: str,
    classes: Sequence[str],
    people_columns: dict[str, str],
    extra: str,
) -> tuple[dict[str, bytes], Claims]:
    """Draw, for each split, a table of labels and one of persons: either may be absent, or lack a row."""
    listed, files, claims = draw(names_of_pictures(8)), {}, {}
    for at, (split, (label_file, people_file)) in enumerate(tables_of.items()):
        part = [name for place, name in enumerate(listed) if place % len(tables_of) == at]
        labelled = [name for name in part if draw(st.booleans())]
        known = [name for name in part if name not in labelled or draw(st.booleans())]
        hot, label = draw(one_hot(labelled, classes))
        more = draw(rows(labelled, **({extra: WORDS} if draw(st.booleans()) else {})))
        persons = draw(rows(known, **dict.fromkeys(people_columns.values(), WORDS | NUMBER), note=WORDS))
        if labelled:
            files[label_file] = draw(written(key, {name: hot[name] | more[name] for name in labelled}))
        if known:
            files[people_file] = draw(written(key, persons))
        for name in dict.fromkeys((*labelled, *known)):
            person = persons.get(name, {})
            claims[name] = {
                "published_split": split,
                "source_label": label.get(name) or ("neither" if extra == "neither" and name in label else None),
                **{word: said(person.get(cell, "")) for word, cell in people_columns.items()},
                "claims": filled({**more.get(name, {}), "note": person.get("note", "")}),
            }
    return files, claims
