-- one row per picture of the corpus, with what its shard says of it and where its bytes are
create or replace temp view shard_rows as
select
    id, source, isic_id, sha256, width::bigint as width, height::bigint as height,
    category, category_index::bigint as category_index, subtype, subtype_index::bigint as subtype_index,
    split, fold::bigint as fold, family::varchar as family, lesion_id, patient_id, age::double as age, sex, site, modality, diagnosis_method,
    tone_reported::bigint as tone_reported, tone_ita_deg::double as tone_ita_deg, tone_ita_class,
    ruler, ink, vignette, hair, highlight, border, blur, exposure, "text",
    license, attribution, source_label,
    location, box_left::bigint as box_left, box_top::bigint as box_top,
    box_width::bigint as box_width, box_height::bigint as box_height
from corpus
