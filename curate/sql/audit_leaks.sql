-- one row per picture, kind and other split that holds a picture of its group
create or replace temp table audit_leaks as
with placed as (
    select distinct g.kind, g.torn, p.split, p.picture
    from audit_places p
    join audit_groups g on g.picture = p.picture and coalesce(g.split, p.split) = p.split
),
spread as (
    select kind, torn, split, min(picture) as partner from placed group by kind, torn, split
),
torn as (
    select kind, torn from spread group by kind, torn having count(*) > 1
)
select p.kind, p.torn, p.picture, p.split, s.split as against, s.partner
from placed p
semi join torn t on t.kind = p.kind and t.torn = p.torn
join spread s on s.kind = p.kind and s.torn = p.torn and s.split <> p.split;
