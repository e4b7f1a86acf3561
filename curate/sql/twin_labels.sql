-- one row per twin group that has a label: the one label that all its copies share, or the conflict between them
create or replace table twin_labels as
with said as (
    select t.twin, l.id, l.subtype, l.category, l.is_settled, s.released,
        s.released = max(s.released) over (partition by t.twin) as is_newest
    from labels l
    join twins t on t.id = l.id
    join sources s on s.source = l.source
    where l.status = 'mapped'
        and not exists (select 1 from decisions d where d.decision = 'withdraw' and d.first = l.id)
),
heard as (
    select *,
        count(distinct category) over (partition by twin) as categories
    from said
),
weighed as (
    select * from heard where categories = 1 or $on_conflict = 'leave_out' or is_newest
),
subtypes as (select distinct twin, subtype from weighed where subtype is not null),
specific as (
    select a.twin, a.subtype
    from subtypes a
    where not exists (
        select 1 from subtypes b
        where b.twin = a.twin and b.subtype <> a.subtype and not exists (
            select 1 from umbrellas u where u.umbrella = b.subtype and u.member = a.subtype
        )
    )
),
common as (
    -- where copies name two members of one umbrella that another copy names, the umbrella is what all agree on
    select a.twin, a.subtype
    from subtypes a
    where not exists (
        select 1 from subtypes b
        where b.twin = a.twin and b.subtype <> a.subtype and not exists (
            select 1 from umbrellas u where u.umbrella = a.subtype and u.member = b.subtype
        )
    )
)
select w.twin,
    case when count(distinct w.category) = 1 then min(w.category) end as category,
    case when count(distinct w.category) = 1 then coalesce(min(p.subtype), min(c.subtype)) end as subtype,
    count(distinct w.category) > 1 as is_conflict,
    case
        when count(distinct w.category) > 1 then 'categories disagree: left out'
        when max(w.categories) > 1 then 'categories disagree: the newest release decides'
        when count(distinct w.subtype) > 1 and min(p.subtype) is null and min(c.subtype) is not null
            then 'subtypes disagree: their umbrella is kept'
        when count(distinct w.subtype) > 1 and min(p.subtype) is null then 'subtypes disagree: category kept, subtype unknown'
        when count(distinct w.subtype) > 1 then 'the more specific subtype wins'
        when bool_or(w.is_settled) then 'the newer label tells which of its subtypes a mixed label means'
        when count(w.subtype) between 1 and count(*) - 1 then 'one copy knows the subtype'
        else 'agreed'
    end as rule
from weighed w
left join specific p on p.twin = w.twin
left join common c on c.twin = w.twin
group by w.twin
order by w.twin;
