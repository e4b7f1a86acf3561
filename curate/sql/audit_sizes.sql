-- one row per split and part of the file: its pictures, and of how many of them each kind knows nothing
with parts as (
    select distinct picture, split, 'whole' as part, null::varchar as value from audit_places
    union all
    select distinct picture, split, 'source', unnest(sources) from audit_places
    union all
    select distinct picture, split, 'column', coalesce(value, '') from audit_places where $by
),
known as (
    select picture, bool_or(kind = 'lesion') as lesion, bool_or(kind = 'patient') as patient
    from audit_groups
    group by picture
),
bytes as (
    select distinct picture, split from audit_groups where kind = 'bytes'
)
select p.part, p.value, p.split, count(*) as pictures,
    count(*) filter (not k.lesion) as lesion, count(*) filter (not k.patient) as patient,
    count(*) filter (b.picture is null) as bytes, count(*) filter (n.picture is null) as near
from parts p
join known k on k.picture = p.picture
left join bytes b on b.picture = p.picture and b.split = p.split
left join audit_looked_at n on n.picture = p.picture
group by p.part, p.value, p.split
order by all
