"""The demo world: the same bytes each time, every source's true layout, and a truth that the parsers agree with."""

from __future__ import annotations

import hashlib
import importlib
import io
import itertools
import time
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate import manifest
from curate.demo import asan, severance, world
from curate.demo.lesion import STYLES, draw
from curate.demo.server import serve
from curate.demo.truth import Planted, families, twins
from curate.demo.world import World
from curate.files import Files
from curate.images import codec, montage
from curate.records import Case, ListedPair, Record, Sheet

PACKAGED = manifest.read_all(Path(__file__).parents[1] / "manifests")
REASONS = {
    "no label cell",
    "no picture",
    "unreadable picture",
    "no label",
    "out of scope",
    "ambiguous label",
    "label conflict",
    "duplicate",
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world.make(tmp_path_factory.mktemp("tiny"), size="tiny")


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def members(tiny: World, source: str, name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(tiny.served / source / name) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def picture(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_the_same_seed_gives_the_same_bytes(tiny: World, tmp_path: Path) -> None:
    again = world.make(tmp_path / "again", size="tiny")
    assert hashes(again.served) == hashes(tiny.served)
    assert again.records == tiny.records
    other = world.make(tmp_path / "other", size="tiny", seed=2)
    assert hashes(other.served) != hashes(tiny.served)
    assert other.expected.keys() == tiny.expected.keys()
    assert other.left_out.keys() == tiny.left_out.keys()


@pytest.mark.parametrize(("size", "most_records", "most_bytes"), [("tiny", 500, 12e6), ("small", 750, 20e6)])
def test_the_sizes_stay_small_and_quick(tmp_path: Path, size: world.Size, most_records: int, most_bytes: float) -> None:
    begun = time.perf_counter()
    made = world.make(tmp_path, size=size)
    assert time.perf_counter() - begun < 30
    assert 100 < len(made.records) < most_records
    assert sum(path.stat().st_size for path in made.served.rglob("*") if path.is_file()) < most_bytes


def test_every_record_is_kept_or_has_one_reason(tiny: World) -> None:
    assert len(tiny.by_id) == len(tiny.records)
    assert tiny.left_out.keys() == REASONS
    assert tiny.kept + tiny.left_out.total() == len(tiny.records)
    assert Counter(record.source for record in tiny.records) == {
        source: counts["records"] for source, counts in tiny.expected.items()
    }
    for record in tiny.records:
        assert (record.category is None) == (record.reason is not None), record


def test_every_trap_is_planted(tiny: World) -> None:
    traps = {record.trap for record in tiny.records}
    assert traps == {
        None,
        *("no picture", "label changed", "same bytes, other id", "saved again, other id", "cut short"),
        *("unknown class", "listed pair", "finer label", "no label cell", "over the end of a sheet"),
    }
    labels = {(record.source, record.source_label, record.subtype) for record in tiny.records}
    assert ("isic_2018", "AKIEC", "actinic_keratosis") in labels
    assert ("isic_2018", "AKIEC", "bowen_disease") in labels
    assert ("isic_2019", "BKL", "seborrheic_keratosis") in labels
    assert ("isic_2016", "benign", "melanocytic_nevus") in labels


def test_copies_of_a_picture_agree(tiny: World) -> None:
    groups: dict[str, list[Planted]] = {}
    for record in tiny.records:
        groups.setdefault(record.photograph, []).append(record)
    for group in groups.values():
        assert len({(record.subtype, record.category, record.reason) for record in group}) == 1, group
    for pair in tiny.twins:
        assert len({tiny.families[name] for name in pair.ids}) == 1
        assert set(pair.survivors) <= set(pair.ids)
    sizes = {tiny.by_id[name].side for pair in tiny.twins for name in pair.ids if name not in pair.survivors}
    assert 150 in sizes  # the `_downsampled` copies give way


def test_families_join_copies_lesions_and_patients() -> None:
    def planted(name: str, photograph: str, lesion: str | None = None, patient: str | None = None) -> Planted:
        return Planted(name, "x", None, "wart", "benign", photograph, lesion=lesion, patient=patient)

    records = [planted("d", "1", "l"), planted("c", "2", "l", "p"), planted("b", "3", None, "p"), planted("a", "3")]
    assert families([*records, planted("e", "4")]) == {**dict.fromkeys("abcd", "a"), "e": "e"}
    assert [pair.ids for pair in twins(records)] == [("a", "b")]


def test_parsers_read_exactly_what_was_planted(tiny: World) -> None:
    for source, known in PACKAGED.items():
        parse = importlib.import_module(f"curate.sources.{known.parser}").parse
        claims = list(parse(Files.of_folder(tiny.served / source)))
        records = {f"{source}:{claim.image_id}": claim for claim in claims if isinstance(claim, Record)}
        planted = {record.id: record for record in tiny.records if record.source == source}
        if not records:
            assert {claim.name for claim in claims if isinstance(claim, Sheet)}
            continue
        assert records.keys() == planted.keys(), source
        space = "isic" if source.startswith("isic") else source
        for name, record in records.items():
            truth = planted[name]
            assert (record.source_label, record.published_split) == (truth.source_label, truth.split), name
            assert (record.file is None) == (truth.reason == "no picture"), name
            assert truth.lesion == (f"{space}/{record.lesion_id}" if record.lesion_id else None), name
            assert truth.patient == (f"{space}/{record.patient_id}" if record.patient_id else None), name


def test_listed_pairs_are_copies(tiny: World) -> None:
    parse = importlib.import_module("curate.sources.isic_2020").parse
    pairs = [claim for claim in parse(Files.of_folder(tiny.served / "isic_2020")) if isinstance(claim, ListedPair)]
    assert len(pairs) == 2
    for pair in pairs:
        first, second = (tiny.by_id[f"isic_2020:{name}"] for name in (pair.first, pair.second))
        assert first.photograph == second.photograph
        assert first.id != second.id


def test_isic_csvs_have_each_years_header_and_line_ends(tiny: World) -> None:
    def raw(year: int, name: str) -> bytes:
        return (tiny.served / f"isic_{year}" / name).read_bytes()

    first = raw(2016, "ISBI2016_ISIC_Part3_Training_GroundTruth.csv")
    assert first.startswith(b"ISIC_0000000,benign\r\n")
    assert first.endswith(b"\r\n")
    assert raw(2016, "ISBI2016_ISIC_Part3_Test_GroundTruth.csv").split(b"\r\n")[0] in (
        b"ISIC_0000003,0.0",
        b"ISIC_0000003,1.0",
    )
    assert raw(2017, "ISIC-2017_Test_v2_Part3_GroundTruth.csv").startswith(
        b"image_id,melanoma,seborrheic_keratosis\r\n"
    )
    assert raw(2018, "HAM10000_metadata.csv").startswith(
        b"lesion_id,image_id,dx,dx_type,age,sex,localization,dataset\nHAM_"
    )
    assert raw(2019, "ISIC_2019_Test_GroundTruth.csv").startswith(
        b"image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK,score_weight,validation_weight\r\n"
    )
    assert b"_downsampled," in raw(2019, "ISIC_2019_Training_GroundTruth.csv")
    assert not raw(2020, "ISIC_2020_Training_Duplicates.csv").endswith(b"\n")
    assert b"lesion_id" in raw(2020, "ISIC_2020_Training_GroundTruth_v2.csv")
    assert b"lesion_id" not in raw(2020, "ISIC_2020_Training_GroundTruth.csv")
    assert b"\r" not in raw(2020, "ISIC_2020_Training_GroundTruth.csv")


def test_isic_zips_have_each_years_folders(tiny: World) -> None:
    def tops(source: str, name: str) -> set[str]:
        return {path.split("/")[0] for path in members(tiny, source, name)}

    assert tops("isic_2016", "ISBI2016_ISIC_Part3_Training_Data.zip") == {"ISBI2016_ISIC_Part3_Training_Data"}
    assert "__MACOSX" in tops("isic_2016", "ISBI2016_ISIC_Part3_Test_Data.zip")
    assert tops("isic_2020", "ISIC_2020_Training_JPEG.zip") == {"train"}
    second = members(tiny, "isic_2017", "ISIC-2017_Training_Data.zip")
    assert "ISIC-2017_Training_Data/ISIC-2017_Training_Data_metadata.csv" in second
    assert picture(second["ISIC-2017_Training_Data/ISIC_0012000_superpixels.png"]).size == (320, 240)
    same = [second[f"ISIC-2017_Training_Data/{name}.jpg"] for name in ("ISIC_0012001", "ISIC_0015982")]
    assert same[0] == same[1]
    third = members(tiny, "isic_2019", "ISIC_2019_Training_Input.zip")
    assert picture(third["ISIC_2019_Training_Input/ISIC_0000001_downsampled.jpg"]).size == (200, 150)
    labels = members(tiny, "isic_2018", "ISIC2018_Task3_Training_GroundTruth.zip")
    assert "ISIC2018_Task3_Training_GroundTruth/ISIC2018_Task3_Training_GroundTruth.csv" in labels


def test_only_the_picture_cut_short_is_broken(tiny: World) -> None:
    broken = [record.id.split(":")[1] for record in tiny.records if record.reason == "unreadable picture"]
    data = members(tiny, "isic_2017", "ISIC-2017_Test_v2_Data.zip")
    for name, content in data.items():
        if name.endswith(".jpg") and name.split("/")[1][:-4] in broken:
            with pytest.raises(OSError, match="truncated"):
                picture(content)
        elif name.endswith(".jpg"):
            assert picture(content).size == (320, 240)


def test_asan_sheets_have_the_measured_geometry(tiny: World) -> None:
    sheets = members(tiny, "asan", asan.ZIP)
    assert members(tiny, "hallym", asan.ZIP) == sheets
    odd = 0
    for sheet in asan.SHEETS["tiny"]:
        image = picture(sheets[f"{asan.TOP}/{sheet.folder}/{sheet.file}"])
        pixels = np.asarray(image)
        assert image.mode == "RGBA"
        assert (pixels[:, :, 3] == 255).all()
        rows = -(-sheet.tiles // 20)
        assert image.width == 20 + 112 * min(20, sheet.tiles)
        assert 68 + 128 * rows - 10 <= image.height <= 68 + 128 * rows
        cut = montage.cut(pixels[:, :, :3], "plain")
        assert len(cut) == sheet.tiles
        for number, tile in enumerate(cut, 1):
            wide, high = asan.tile_size(sheet, number)
            row, column = divmod(number - 1, 20)
            left, top = 16 + 112 * column + (100 - wide) // 2, 48 + 128 * row + (100 - high) // 2
            box = tile.box
            assert (box.left, box.top, box.width, box.height) == (left, top, wide, high), (sheet.file, number)
            odd += (wide, high) != (100, 100)
            if (wide, high) == (100, 100):
                assert pixels[top + 50, left - 2 : left, 0].tolist() == [255, 249]
                assert pixels[top + 50, left + 100 : left + 104, 0].tolist() == [149, 218, 249, 255]
    assert odd > 5


def test_severance_sheets_are_read_back_cell_by_cell(tiny: World) -> None:
    sheets = members(tiny, "severance", "SeveranceA_Thumbnails.zip")
    assert [name[-7:] for name in sheets] == ["001.jpg", "002.jpg", "004.jpg"]
    cases = {case.number: case for case in severance.plan(1, "tiny")}
    found = []
    number, position, current = 0, 0, 0
    for name, data in sheets.items():
        sheet = int(name[-7:-4])
        assert picture(data).size == (1580, 850)
        if sheet != position + 1:
            current = 0
        position = sheet
        cells = montage.cut(codec.decode(data).pixels, "captioned")
        assert len(cells) == 120
        for cell in cells:
            if cell.kind == "label":
                assert cell.text is not None
                current, number = int(cell.text.split(",")[0]), 0
                assert cell.text == cases[current].text
            elif cell.kind == "picture":
                number += 1
                found.append(f"severance:{current}/{number}" if current else f"severance:{sheet:03}.jpg/{cell.cell}")
    assert found == [record.id for record in tiny.records if record.source == "severance"]
    assert cells[-1].kind == "blank"


@pytest.mark.parametrize("size", ["tiny", "small", "demo"])
@pytest.mark.parametrize("seed", range(5))
def test_severance_cases_run_over_every_sheet_end(size: str, seed: int) -> None:
    cases = severance.plan(seed, size)
    for border in (120, 240, 360):
        assert any(case.start < border - 1 and case.start + case.tiles >= border for case in cases), border
    assert max(case.tiles for case in cases) <= 15
    ends = [case.start + case.tiles + 1 for case in cases]
    assert [case.start for case in cases] == [0, *ends[:-1]]
    assert 360 < ends[-1] < 480
    assert [case.number for case in cases] == list(range(1, len(cases) + 1))


def test_severance_workbook_has_a_row_per_case(tiny: World) -> None:
    parse = importlib.import_module("curate.sources.severance").parse
    claims = list(parse(Files.of_folder(tiny.served / "severance")))
    told = [claim for claim in claims if isinstance(claim, Case)]
    assert len(told) == tiny.expected["severance"]["cases"]
    for claim, case in zip(told, severance.plan(1, "tiny"), strict=True):
        assert (claim.number, claim.source_label, claim.age, claim.sex) == (
            case.number,
            case.label,
            str(case.age),
            case.sex,
        )


def test_ph2_is_a_tree_of_bmps(tiny: World) -> None:
    tree = members(tiny, "ph2", "PH2Dataset.zip")
    name = next(record.id[4:] for record in tiny.records if record.source == "ph2")
    top = f"PH2Dataset/PH2 Dataset images/{name}"
    photo = picture(tree[f"{top}/{name}_Dermoscopic_Image/{name}.bmp"])
    mask = picture(tree[f"{top}/{name}_lesion/{name}_lesion.bmp"])
    assert (photo.mode, photo.format, photo.size) == ("RGB", "BMP", (255, 190))
    assert (mask.mode, mask.size) == ("1", photo.size)
    assert 0.01 < np.asarray(mask).mean() < 0.6
    text = tree["PH2Dataset/PH2_dataset.txt"].decode("ascii").splitlines()
    assert text[0].startswith("||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry |")
    assert tree["PH2Dataset/PH2_dataset.txt"] == (tiny.served / "ph2" / "PH2_dataset.txt").read_bytes()
    assert not tree["PH2Dataset/Readme.txt"].isascii()


def test_pad_is_zips_inside_a_zip(tiny: World) -> None:
    tree = members(tiny, "pad_ufes_20", "zr7vgbcyr2-1.zip")
    assert list(tree) == [*(f"images/imgs_part_{number}.zip" for number in (1, 2, 3)), "metadata.csv"]
    header, *rows = tree["metadata.csv"].decode().splitlines()
    assert len(header.split(",")) == 26
    assert header.split(",")[13] == "fitspatrick"
    assert all(row.count(",") == 25 for row in rows)
    cells = [dict(zip(header.split(","), row.split(","), strict=True)) for row in rows]
    assert {"", "UNK"} <= {cell["changed"] for cell in cells} | {cell["gender"] for cell in cells}
    patients: dict[str, set[str]] = {}
    for cell in cells:
        patients.setdefault(cell["lesion_id"], set()).add(cell["patient_id"])
        assert cell["img_id"].startswith(f"{cell['patient_id']}_{cell['lesion_id']}_")
    assert any(len(who) > 1 for who in patients.values())
    modes = Counter()
    for number in (1, 2, 3):
        with zipfile.ZipFile(io.BytesIO(tree[f"images/imgs_part_{number}.zip"])) as part:
            for name in part.namelist():
                assert name.startswith(f"imgs_part_{number}/PAT_")
                modes[picture(part.read(name)).mode] += 1
    assert set(modes) == {"RGB", "RGBA"}
    assert modes.total() == len(rows) - 1


def test_manifests_are_the_packaged_ones_with_the_demos_files(tiny: World) -> None:
    with serve(tiny.served) as base:
        written = manifest.read_all(tiny.write_manifests(base, PACKAGED))
        assert written.keys() == PACKAGED.keys()
        for name, own in written.items():
            assert own.access == "open"
            assert (own.title, own.license, own.citation) == (
                f"Drawn demo in the form of: {PACKAGED[name].title}",
                PACKAGED[name].license,
                PACKAGED[name].citation,
            )
            assert {file.role for file in own.files} >= {"pictures"}
            for file in own.files:
                with urllib.request.urlopen(file.urls[0]) as answer:
                    data = answer.read()
                assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)


def test_the_server_knows_ranges(tmp_path: Path) -> None:
    (tmp_path / "a b#1.bin").write_bytes(bytes(range(200)))
    (tmp_path.parent / "secret").write_bytes(b"no")
    with serve(tmp_path) as base:

        def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            request = urllib.request.Request(f"{base}/{path}", headers=named, method=method)
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status, answer.read(), dict(answer.headers)
            except urllib.error.HTTPError as refused:
                return refused.code, refused.read(), dict(refused.headers)

        status, body, headers = ask("a%20b%231.bin")
        assert (status, body, headers["Accept-Ranges"]) == (200, bytes(range(200)), "bytes")
        etag = headers["ETag"]
        status, body, headers = ask("a%20b%231.bin", Range="bytes=150-", If_Range=etag)
        assert (status, body, headers["Content-Range"]) == (206, bytes(range(150, 200)), "bytes 150-199/200")
        assert ask("a%20b%231.bin", Range="bytes=10-19")[:2] == (206, bytes(range(10, 20)))
        assert ask("a%20b%231.bin", Range="bytes=-5")[:2] == (206, bytes(range(195, 200)))
        assert ask("a%20b%231.bin", Range="bytes=150-", If_Range='"other"')[:2] == (200, bytes(range(200)))
        assert ask("a%20b%231.bin", Range="bytes=200-")[0] == 416
        assert ask("a%20b%231.bin", "HEAD")[1] == b""
        assert ask("nothing")[0] == 404
        assert ask("../secret")[0] == 404
        assert ask("%2e%2e/secret")[0] == 404


def test_two_lesions_never_look_like_copies() -> None:
    imagehash = pytest.importorskip("imagehash")
    hashes = []
    for number, subtype in enumerate(itertools.islice(itertools.cycle(STYLES), 240)):
        pixels = draw(subtype, lesion=f"{number}", view="1", width=150, height=112, clinical=number % 2 == 0)
        hashes.append(imagehash.phash(Image.fromarray(pixels)))
    distances = np.array([a - b for a, b in itertools.combinations(hashes, 2)])
    assert (distances <= 12).mean() < 0.002
    assert np.median(distances) > 26


def test_two_views_of_a_lesion_differ_and_one_view_does_not() -> None:
    first = draw("melanoma", lesion="a", view="1", width=90, height=60)
    assert first.shape == (60, 90, 3)
    assert first.dtype == np.uint8
    assert (first == draw("melanoma", lesion="a", view="1", width=90, height=60)).all()
    assert (first != draw("melanoma", lesion="a", view="2", width=90, height=60)).mean() > 0.5


def test_a_skin_tone_can_be_chosen() -> None:
    means = [
        draw("wart", lesion="tone", view="1", width=80, height=60, skin=tone).mean() for tone in (0.0, 0.3, 0.6, 1.0)
    ]
    assert means == sorted(means, reverse=True)
