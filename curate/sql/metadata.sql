-- one row per record: what its source says of patient and picture, in the harmonised words
create or replace table metadata as
select r.id,
    case when r.lesion_id is not null then s.namespace || ':' || r.lesion_id end as lesion_id,
    case when r.patient_id is not null then s.namespace || ':' || r.patient_id end as patient_id,
    case when try_cast(r.age as double) between 0 and 120 then try_cast(r.age as double) end as age,
    sex.value as sex, site.value as site, coalesce(method.value, l.diagnosis_method) as diagnosis_method,
    case when try_cast(r.tone_reported as double) in (1, 2, 3, 4, 5, 6) then try_cast(r.tone_reported as double)::integer end as tone_reported,
    r.modality
from records r
join sources s on s.source = r.source
left join vocabulary sex on sex.field = 'sex' and sex.source_value = lower(r.sex)
left join vocabulary site on site.field = 'site' and site.source_value = lower(r.site)
left join vocabulary method on method.field = 'diagnosis_method' and method.source_value = lower(r.diagnosis_method)
-- what a source says of every picture with a label, rather than of each picture
left join label_map l on l.source = r.source and l.source_label = r.source_label
order by r.id;
