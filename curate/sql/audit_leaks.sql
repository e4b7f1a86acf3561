-- one row per picture, kind and other split that holds a picture of its group
create or replace temp table audit_leaks as
with torn as materialized (
    -- of millions of groups few are torn: only these are looked at closer
    select g.kind, g.torn
    from audit_places p
    join audit_groups g on g.picture = p.picture and coalesce(g.split, p.split) = p.split
    group by g.kind, g.torn
    having min(p.split) <> max(p.split)
),
groups as (
    select g.* from audit_groups g semi join torn t on t.kind = g.kind and t.torn = g.torn
),
placed as materialized (
    select distinct g.kind, g.torn, p.split, p.picture
    from audit_places p
    join groups g on g.picture = p.picture and coalesce(g.split, p.split) = p.split
),
spread as (
    select kind, torn, split, min(picture) as partner from placed group by kind, torn, split
)
select p.kind, p.torn, p.picture, p.split, s.split as against, s.partner
from placed p
join spread s on s.kind = p.kind and s.torn = p.torn and s.split <> p.split;
