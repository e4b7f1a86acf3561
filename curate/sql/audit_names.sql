-- one row per name under which a picture may be called, with and without its source, in lower case; `shortened` 0 as it is
-- written, 1 without its ending, 2 without `_downsampled` too: a source's own names may carry what a split leaves out
create or replace temp table audit_records as
select r.id, r.source, r.image_id, r.isic_id, coalesce(s.namespace || ':' || r.isic_id, r.id) as picture,
    case when r.lesion_id is not null then s.namespace || ':' || r.lesion_id end as lesion,
    case when r.patient_id is not null then s.namespace || ':' || r.patient_id end as patient
from records r
join sources s on s.source = r.source;

create or replace temp table audit_names as
with said as (
    select unnest(list_distinct([lower(id), lower(image_id), lower(isic_id), lower(source || ':' || isic_id)])) as name, id, source, picture
    from audit_records
),
cut as (
    select *, regexp_replace(name, '\.(jpe?g|png|bmp|tiff?|webp|gif|dcm)$', '') as stem from said
)
select name, 0 as shortened, id, source, picture from cut where name is not null
union all
select stem, 1, id, source, picture from cut where stem <> name
union all
select regexp_replace(stem, '_downsampled$', ''), 2, id, source, picture from cut where stem like '%\_downsampled' escape '\';
