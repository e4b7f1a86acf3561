-- one row per name under which a picture may be called, with and without its source, in lower case
create or replace temp table audit_records as
select r.id, r.source, coalesce(s.namespace || ':' || r.isic_id, r.id) as picture,
    case when r.lesion_id is not null then s.namespace || ':' || r.lesion_id end as lesion,
    case when r.patient_id is not null then s.namespace || ':' || r.patient_id end as patient
from records r
join sources s on s.source = r.source;

create or replace temp table audit_names as
select distinct lower(n.name) as name, a.id, a.source, a.picture
from audit_records a
join records r on r.id = a.id,
unnest([r.id, r.image_id, r.isic_id, r.source || ':' || r.isic_id]) as n(name)
where n.name is not null;
