-- one row per pair of splits, kind (none: any of them) and part of the file (a source, a value, none: the whole)
with parts as (
    select distinct picture, split, 'whole' as part, null::varchar as value from audit_places
    union all
    select distinct picture, split, 'source', unnest(sources) from audit_places
    union all
    select distinct picture, split, 'column', coalesce(value, '') from audit_places where $by
)
select p.part, p.value, l.split, l.against, l.kind, count(distinct l.picture) as pictures, count(distinct l.torn) as groups
from audit_leaks l
join parts p on p.picture = l.picture and p.split = l.split
group by grouping sets ((p.part, p.value, l.split, l.against, l.kind), (p.part, p.value, l.split, l.against))
order by all
