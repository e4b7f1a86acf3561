-- one row per record that is not in the corpus: the first reason that holds, and for a duplicate its survivor
create or replace table exclusions as
with survivors as (
    select * from keepers where place = 1
),
direct as (
    select e.first, e.second, string_agg(e.kind || ' (' || e.evidence || ')', '; ' order by e.kind) as evidence
    from edges e
    group by e.first, e.second
),
links as (
    select first as here, second as there, evidence from direct union all select second, first, evidence from direct
),
lost as (
    select k.id, k.twin, s.id as survivor, l.evidence
    from keepers k
    join survivors s on s.twin = k.twin
    left join links l on l.here = k.id and l.there = s.id
    where k.place > 1
),
bridges as (
    -- where nothing joins a copy to its survivor itself, one other copy mostly does
    select o.id, a.there as bridge, a.evidence as to_bridge, b.evidence as to_survivor
    from lost o
    join links a on a.here = o.id
    join links b on b.here = a.there and b.there = o.survivor
    where o.evidence is null
    qualify row_number() over (partition by o.id order by a.there) = 1
),
touching as (
    select id, string_agg(distinct kind, ', ' order by kind) as kinds
    from (select first as id, kind from edges union all select second, kind from edges)
    group by id
),
explained as (
    select o.id, o.survivor,
        case
            when o.evidence is not null then o.evidence
            when b.bridge is not null
                then 'through ' || b.bridge || ', its copy by ' || b.to_bridge || ', which is one of the survivor by ' || b.to_survivor
            else 'through several other copies, by ' || c.kinds
        end as evidence
    from lost o
    left join bridges b on b.id = o.id
    left join touching c on c.id = o.id
)
select id, source, reason, detail, null::varchar as survivor, null::varchar as evidence, null::varchar as rule
from early_reasons
where reason is not null
union all
select k.id, r.source, 'duplicate', 'copy of ' || s.id || ': ' || x.evidence, s.id, x.evidence,
    case
        when s.area > k.area then 'kept the larger: ' || s.described || ' over ' || coalesce(k.described, 'none')
        when s.is_lossless and not k.is_lossless then 'kept the lossless one: ' || s.described || ' over ' || k.described
        when s.is_labelled and not k.is_labelled then 'as large and as good: kept the one whose own label names a subtype'
        when s.license_place < k.license_place
            then 'alike in size, form and label: kept the one whose license asks less: ' || s.license || ' over ' || k.license
        else 'alike in size, form, label and license: kept the first by id'
    end
from keepers k
join explained x on x.id = k.id
join survivors s on s.id = x.survivor
join records r on r.id = k.id
order by 1;
