-- one row per name under which a picture may be called, with and without its source, in lower case
create or replace temp table audit_records as
select r.id, r.source, r.image_id, r.isic_id, coalesce(s.namespace || ':' || r.isic_id, r.id) as picture,
    case when r.lesion_id is not null then s.namespace || ':' || r.lesion_id end as lesion,
    case when r.patient_id is not null then s.namespace || ':' || r.patient_id end as patient
from records r
join sources s on s.source = r.source;

create or replace temp table audit_names as
select unnest(list_distinct([lower(id), lower(image_id), lower(isic_id), lower(source || ':' || isic_id)])) as name, id, source, picture
from audit_records;
