"""A corpus of a dozen drawn pictures, built by the real tables: twins, a conflict, and labels that strangers wrote."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate import freshness
from curate.components import components
from curate.db import Database
from curate.images import codec, features, fingerprint, identity
from curate.look import APPEARANCE_VERSION, VERSIONS
from curate.pairs import LOOK_VERSION
from curate.stages import inspect, label, split
from curate.workspace import Workspace

HOSTILE = "<script>alert('1')</script>&\"\x00"
HOSTILE_NOTE = "</style></title><img src=x onerror=alert(2)>"
MAPS = Path(__file__).parent.parent / "label_maps"


def drawn(seed: int, width: int = 160, height: int = 120) -> bytes:
    """Return a JPEG with a dark blob on skin, another for every seed."""
    rows, columns = np.mgrid[0:height, 0:width]
    middle = (height * (0.35 + 0.03 * (seed % 9)), width * (0.35 + 0.03 * (seed % 7)))
    blob = ((rows - middle[0]) / (20 + seed)) ** 2 + ((columns - middle[1]) / (28 + seed)) ** 2 < 1
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = (224, 178, 150)
    pixels[blob] = (90 + 5 * seed, 60, 50)
    return codec.encode(pixels, "JPEG")


def build(
    root: Path, *, labels_only: bool = False, hostile: bool = False, empty: bool = False, until: str = "split"
) -> Workspace:
    """Return the workspace of a built corpus: isic_2018, isic_2019 and pad_ufes_20, with copies between the first two.

    `empty`: no source claims anything. `hostile`: a label and a note that would be HTML if nobody escaped them.
    """
    workspace = Workspace(root, workers=1)
    if hostile:
        shutil.copytree(MAPS, root / "label_maps")
        with (root / "label_maps" / "pad_ufes_20.csv").open("a", encoding="utf-8", newline="") as file:
            file.write('"' + HOSTILE.replace('"', '""') + '",melanoma,,\n')
    claims = [] if empty else _claims(hostile)
    with workspace.database(create=True) as database:
        database.build("facts")
        database.replace("sources", _sources(workspace))
        database.replace("mode", pa.table({"labels_only": [labels_only]}))
        for number, claim in enumerate(claims):
            if not labels_only and claim["file"]:
                claim["location"] = _facts(workspace, database, number, claim)
        database.replace("claims", pa.Table.from_pylist(claims, schema=database.table("claims").schema))
        database.replace("tone_bounds", inspect.tone_bounds(workspace.recipe.tone.bounds))
        database.replace("artefact_thresholds", inspect.artefact_thresholds())
        database.build("records")
        database.build("pictures", **VERSIONS)
        _copies(database, hostile)
        for stage, after in (("parse", None), ("inspect", "parse"), ("dedup", "inspect")):
            freshness.stamp(database, stage, after)
    if until == "split":
        label.run(workspace)
        split.run(workspace)
    return workspace


def _claims(hostile: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []

    def claim(source: str, image_id: str, word: str | None, **more: Any) -> None:
        rows.append({"source": source, "image_id": image_id, "source_label": word, "file": f"{image_id}.jpg"} | more)

    for number, word in enumerate(["NV", "MEL", "BKL", "NV", "BCC"]):
        lesion = {"lesion_id": f"HAM_{number // 2}", "age": str(40 + number), "sex": "male"}
        claim("isic_2018", f"ISIC_{number:07}", word, isic_id=f"ISIC_{number:07}", **lesion)
    for number, word in enumerate(["NV", "MEL", "MEL", "NV"]):
        claim("isic_2019", f"ISIC_{number:07}", word, isic_id=f"ISIC_{number:07}")
    claim("isic_2019", "ISIC_0000099", "UNK", isic_id="ISIC_0000099")
    melanoma = HOSTILE if hostile else "MEL"
    words = ["ACK", "NEV", melanoma, melanoma]
    for number, word in enumerate(words):
        claim("pad_ufes_20", f"PAT_{number}_1_1", word, patient_id=f"PAT_{number}", tone_reported=str(number + 1))
    claim("pad_ufes_20", "PAT_9_1_1", "MEL", file=None, patient_id="PAT_9")
    for ordinal, row in enumerate(rows):
        row["ordinal"] = ordinal
        row["claims"] = "{}"
    return rows


def _facts(workspace: Workspace, database: Database, number: int, claim: dict[str, Any]) -> str:
    data = drawn(number)
    sha256 = workspace.store.adopt_bytes(data)
    pixels = codec.decode(data).pixels
    found = fingerprint.fingerprint(pixels)
    _insert(database, "members", [{"location": sha256, "sha256": sha256, "bytes": len(data)}])
    size = {"width": 160 + number, "height": 120, "format": "JPEG", "mode": "RGB"}
    hashes = asdict(found)
    key = {"sha256": sha256, "cell": 0}
    _insert(database, "fingerprints", [key | {"version": fingerprint.VERSION} | size | hashes])
    _insert(database, "features", [key | {"version": features.VERSION, "places": features.features(pixels)}])
    seen = {
        "tone_ita_deg": 50.0 - 5 * number,
        "vignette": number / 20,
    }
    seen |= {"tone_ita_confidence": 0.5, "tone_ita_share": 0.4, "hair": 0.1}
    _insert(database, "appearance", [key | {"version": APPEARANCE_VERSION} | seen])
    return sha256


def _copies(database: Database, hostile: bool) -> None:
    """Join the records of one ISIC id, as dedup does; one pair by a person's decision, in a person's words."""
    note = HOSTILE_NOTE if hostile else "seen by eye"
    alike = {"isic_2018:ISIC_0000001": "pad_ufes_20:PAT_3_1_1", "isic_2018:ISIC_0000004": "pad_ufes_20:PAT_2_1_1"}
    decided = [
        {"decision": "accept", "first": first, "second": second, "note": note} for first, second in alike.items()
    ]
    words = pa.schema([(name, pa.string()) for name in ("decision", "first", "second", "note")])
    has = database.count("records") > 0
    database.replace("decisions", pa.Table.from_pylist(decided if has else [], schema=words))
    ends = pa.schema([("first", pa.string()), ("second", pa.string()), ("distance", pa.int32())])
    database.build("pixel_keys", identity=identity.VERSION, by_pixels=True)
    database.replace("candidates", pa.Table.from_pylist([], schema=ends))
    uses = {f"use_{kind}": True for kind in ("same_id", "listed", "same_bytes", "same_pixels", "near")}
    near = {"near_agreement": 0.92, "near_agreement_in_lesion": 0.99, "use_places": True, "look": LOOK_VERSION}
    near |= {"near_places": 6, "near_overlap": 0.9, "near_kin": 0.85}
    ids = database.table("records").column("id").to_pylist()
    same = [(row["first"], row["second"]) for row in database.rows("sure_copies")]
    shown = {"id": pa.array(ids, pa.string()), "photograph": pa.array(components(ids, same), pa.string())}
    database.replace("photographs", pa.table(shown))
    database.build("near_pairs", "edges", **near, **uses)
    pairs = [(row["first"], row["second"]) for row in database.table("edges").to_pylist()]
    database.replace(
        "twins", pa.table({"id": pa.array(ids, pa.string()), "twin": pa.array(components(ids, pairs), pa.string())})
    )


def _insert(database: Database, table: str, rows: list[dict[str, Any]]) -> None:
    schema = database.table(table).schema
    database.insert(table, pa.Table.from_pylist(rows, schema=schema))


def _sources(workspace: Workspace) -> pa.Table:
    names = ("namespace", "title", "released", "modality", "license", "license_url", "redistribution", "attribution")
    rows = [
        {"source": manifest.name, "here": True} | {name: getattr(manifest, name) for name in names}
        for manifest in workspace.manifests.values()
    ]
    return pa.Table.from_pylist(rows)
