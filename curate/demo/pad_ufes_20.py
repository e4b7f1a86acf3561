"""PAD-UFES-20 of the demo: one table of 26 columns, and PNGs of smartphones in three zips inside a zip."""

from __future__ import annotations

from itertools import cycle

from curate.demo.archive import pack, table
from curate.demo.noise import generator
from curate.demo.photographs import Form, Shot, develop
from curate.demo.truth import Part, Planted, category

PATIENTS = {"tiny": 10, "small": 18, "demo": 80}
SUBTYPES = {
    "ACK": "actinic_keratosis",
    "BCC": "basal_cell_carcinoma",
    "MEL": "melanoma",
    "NEV": "melanocytic_nevus",
    "SCC": "squamous_cell_carcinoma",
    "SEK": "seborrheic_keratosis",
}
REGIONS = ("FACE", "FOREARM", "CHEST", "BACK", "ARM", "NOSE", "HAND", "NECK", "THIGH", "EAR")
COLUMNS = (
    *("patient_id", "lesion_id", "smoke", "drink", "background_father", "background_mother", "age", "pesticide"),
    *("gender", "skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system", "fitspatrick"),
    *("region", "diameter_1", "diameter_2", "diagnostic", "itch", "grew", "hurt", "changed", "bleed", "elevation"),
    *("img_id", "biopsed"),
)
ZIP = "zr7vgbcyr2-1.zip"


def make(seed: int, size: str) -> Part:
    """Return the zip of zips, the table beside it, and the records; the last row's picture is in no zip."""
    kinds = cycle(("ACK", "NEV", "BCC", "ACK", "MEL", "SEK", "ACK", "SCC"))
    rows: list[tuple[object, ...]] = []
    records: list[Planted] = []
    wanted: dict[Shot, list[Form]] = {}
    for patient in range(PATIENTS[size]):
        for lesion in range(1 + (patient % 3 == 0)):
            label = next(kinds)
            for view in range(1 + ((patient + lesion) % 4 == 0)):
                source = generator(f"{seed}/pad/{patient}/{lesion}/{view}")
                # Lesion ids are unique within a patient alone: patients 1 and 2, 3 and 4, ... share theirs.
                names = (f"PAT_{patient + 8}", 800 + 2 * ((patient + 1) // 2) + lesion)
                name = f"{names[0]}_{names[1]}_{len(rows) + 100}"
                rows.append(_row(seed, names, name, label, patient, lesion))
                shot = _shot(seed, label, patient, lesion, view, source.integers(240, 321, 2).tolist())
                wanted[shot] = ["png with alpha" if len(rows) % 5 < 3 else "png"]
                records.append(_record(name, names, label, shot))
    last = records[-1]
    gone = Planted(
        *(last.id, last.source, last.source_label, None, None, last.photograph),
        reason="no picture",
        lesion=last.lesion,
        patient=last.patient,
        trap="no picture",
    )
    records[-1] = gone
    pictures = list(develop(wanted).values())
    parts = []
    for number in (1, 2, 3):
        members = [
            (f"imgs_part_{number}/{record.id.split(':')[1]}.png", picture)
            for place, (record, picture) in enumerate(zip(records, pictures, strict=True))
            if place % 3 == number - 1 and record.reason is None
        ]
        parts.append((f"images/imgs_part_{number}.zip", pack(members)))
    labels = table([COLUMNS, *rows], end="\n")
    files = {ZIP: pack([*parts, ("metadata.csv", labels)]), "metadata.csv": labels}
    counts = {
        "records": len(records),
        "pictures": len(records) - 1,
        "lesions": len({record.lesion for record in records}),
        "patients": PATIENTS[size],
    }
    return Part({"pad_ufes_20": files}, records, {"pad_ufes_20": counts})


def _tone(seed: int, patient: int) -> int:
    return 1 + int(generator(f"{seed}/pad/tone/{patient}").random() ** 1.5 * 6)


def _shot(seed: int, label: str, patient: int, lesion: int, view: int, sides: list[int]) -> Shot:
    width, height = sides if patient % 6 == 0 else (sides[0], sides[0])
    return Shot(
        *(SUBTYPES[label], f"{seed}/pad/{patient}/{lesion}", str(view), width, height),
        clinical=True,
        skin=(_tone(seed, patient) - 0.5) / 6,
    )


def _record(name: str, names: tuple[str, int], label: str, shot: Shot) -> Planted:
    return Planted(
        id=f"pad_ufes_20:{name}",
        source="pad_ufes_20",
        source_label=label,
        subtype=SUBTYPES[label],
        category=category(SUBTYPES[label]),
        photograph=shot.name,
        lesion=f"pad_ufes_20/{names[0]}/{names[1]}",
        patient=f"pad_ufes_20/{names[0]}",
        side=shot.side("png"),
    )


def _row(seed: int, names: tuple[str, int], name: str, label: str, patient: int, lesion: int) -> tuple[object, ...]:
    own = generator(f"{seed}/pad/person/{patient}")
    age, gender = int(own.integers(6, 95)), ("FEMALE", "MALE")[int(own.integers(0, 2))]
    land = ("BRAZIL", "BRASIL", "GERMANY", "POMERANIA", "UNK")[int(own.integers(0, 5))]
    biopsed = label in ("BCC", "MEL", "SCC") or (label == "ACK" and lesion == 1)
    # Who was not biopsied was often not asked.
    asked = biopsed or patient % 3 != 1
    told: tuple[object, ...] = (False, True, land, land) if asked else ("",) * 4
    history: tuple[object, ...] = (gender, True, False, True, True, f"{_tone(seed, patient)}.0") if asked else ("",) * 6
    region = REGIONS[(patient + 3 * lesion) % len(REGIONS)]
    size: tuple[object, ...] = (f"{5 + patient % 9}.0", f"{4 + patient % 7}.0") if asked else ("", "")
    signs = (True, "UNK" if patient % 7 == 3 else False, False, "UNK" if patient % 5 == 2 else True, False, True)
    pesticide: object = False if asked else ""
    return (*names, *told, age, pesticide, *history, region, *size, label, *signs, f"{name}.png", biopsed)
