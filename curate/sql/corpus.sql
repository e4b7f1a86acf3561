-- one row per picture in the corpus
create or replace table corpus as
with borrowed as (
    select id,
        max(case when field = 'lesion_id' then value end) as lesion_id,
        max(case when field = 'patient_id' then value end) as patient_id,
        max(case when field = 'age' then value end)::double as age,
        max(case when field = 'sex' then value end) as sex,
        max(case when field = 'site' then value end) as site,
        max(case when field = 'diagnosis_method' then value end) as diagnosis_method,
        max(case when field = 'tone_reported' then value end)::integer as tone_reported,
        to_json(map_from_entries(list((field, origin) order by field)))::varchar as origins
    from knowledge
    group by id
)
select r.id, r.source, r.isic_id, p.sha256, r.file, nullif(r.cell, 0) as tile, p.width, p.height,
    r.source_label, w.subtype, x.subtype_index, w.category,
    g.category_index,
    coalesce(m.diagnosis_method, b.diagnosis_method) as diagnosis_method,
    s.split, s.fold, s.family, coalesce(m.lesion_id, b.lesion_id) as lesion_id,
    coalesce(m.patient_id, b.patient_id) as patient_id,
    coalesce(m.age, b.age) as age, coalesce(m.sex, b.sex) as sex, coalesce(m.site, b.site) as site,
    m.modality, coalesce(m.tone_reported, b.tone_reported) as tone_reported,
    p.tone_ita_deg, p.tone_ita_class, p.tone_ita_confidence, p.tone_ita_share, p.tone_ita_method,
    o.license, o.attribution,
    p.* exclude (id, location, sha256, bytes, cell, box_left, box_top, box_width, box_height, width, height, format, mode,
        phash, dhash, detail, problem, problem_detail, tone_ita_deg, tone_ita_class, tone_ita_confidence, tone_ita_share, tone_ita_method),
    p.location, p.format, p.box_left, p.box_top, p.box_width, p.box_height,
    r.site as source_site, r.diagnosis_method as source_diagnosis_method, t.twin, b.origins
from keepers k
join records r on r.id = k.id
join twins t on t.id = k.id
join twin_labels w on w.twin = k.twin
join splits s on s.id = k.id
join metadata m on m.id = k.id
join sources o on o.source = r.source
left join pictures p on p.id = k.id
left join taxonomy x on x.subtype = w.subtype
left join categories g on g.category = w.category
left join borrowed b on b.id = k.id
where k.place = 1
order by r.id;
