-- the facts about bytes and the claims of sources: made once, kept by key, never updated
create table if not exists members (
    location varchar primary key, sha256 varchar, bytes bigint, problem varchar
);
create table if not exists fingerprints (
    sha256 varchar, cell integer, version integer, width integer, height integer, format varchar, mode varchar,
    phash ubigint, dhash ubigint, detail double, means blob, problem varchar,
    primary key (sha256, cell, version)
);
-- columns that a corpus made before has otherwise; its rows stand under another version
alter table fingerprints drop column if exists pixels_sha256;
alter table fingerprints add column if not exists means blob;
-- of pictures that were decoded whole: where they are small or saved without loss, and where others may be equal
create table if not exists pixels (
    sha256 varchar, cell integer, version integer, pixels_sha256 varchar,
    primary key (sha256, cell, version)
);
create table if not exists appearance (
    sha256 varchar, cell integer, version integer,
    tone_ita_deg double, tone_ita_confidence double, tone_ita_share double, tone_ita_method varchar,
    vignette double, hair double, highlight double, border double, blur double, exposure double,
    ruler double, ink double, text double,
    primary key (sha256, cell, version)
);
-- columns that a corpus made before they were there lacks; its rows stand under another version
alter table appearance add column if not exists tone_ita_method varchar;
alter table appearance add column if not exists ruler double;
alter table appearance add column if not exists ink double;
alter table appearance add column if not exists text double;
create table if not exists masked_tones (
    sha256 varchar, mask varchar, version integer,
    tone_ita_deg double, tone_ita_confidence double, tone_ita_share double, tone_ita_method varchar, problem varchar,
    primary key (sha256, mask, version)
);
create table if not exists sheets_cut (
    sha256 varchar, layout varchar, version integer, problem varchar,
    primary key (sha256, layout, version)
);
create table if not exists tiles (
    sha256 varchar, version integer, cell integer, tile_row integer, tile_column integer,
    box_left integer, box_top integer, box_width integer, box_height integer, kind varchar, text varchar,
    primary key (sha256, version, cell)
);
create table if not exists looks (
    first_sha256 varchar, first_cell integer, second_sha256 varchar, second_cell integer, version integer,
    agreement double,
    primary key (first_sha256, first_cell, second_sha256, second_cell, version)
);
create table if not exists features (
    sha256 varchar, cell integer, version integer, places blob,
    primary key (sha256, cell, version)
);
create table if not exists searches (
    asking varchar, asked varchar, contents varchar, version integer,
    primary key (asking, asked)
);
create table if not exists aligned (
    asking varchar, asked varchar, first_sha256 varchar, first_cell integer, second_sha256 varchar, second_cell integer,
    places integer, mirrored boolean, turned_deg double, grown double, share double, agreement double, score double,
    primary key (asking, asked, first_sha256, first_cell, second_sha256, second_cell)
);
create table if not exists parsed (source varchar, key varchar);
-- by file of a source, and for all that lies unpacked together: what its claims were read from
create table if not exists parsed_files (source varchar, name varchar, sha256 varchar);
create table if not exists claims (
    source varchar, ordinal integer, image_id varchar, file varchar, location varchar, source_label varchar,
    published_split varchar, isic_id varchar, lesion_id varchar, patient_id varchar, age varchar, sex varchar,
    site varchar, diagnosis_method varchar, tone_reported varchar, modality varchar, mask varchar, claims varchar,
    mask_location varchar
);
alter table claims add column if not exists mask_location varchar;
create table if not exists sheets (
    source varchar, name varchar, file varchar, location varchar, layout varchar, position integer,
    source_label varchar, published_split varchar, modality varchar, diagnosis_method varchar, claims varchar
);
create table if not exists cases (
    source varchar, number integer, source_label varchar, age varchar, sex varchar, site varchar,
    diagnosis_method varchar, modality varchar, claims varchar
);
create table if not exists listed_pairs (source varchar, first varchar, second varchar, origin varchar);
create table if not exists algorithms (montage integer);
