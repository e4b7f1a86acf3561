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
touching as (
    select id, string_agg(distinct kind, ', ' order by kind) as kinds
    from (select first as id, kind from edges union all select second, kind from edges)
    group by id
)
select id, source, reason, detail, null::varchar as survivor, null::varchar as evidence, null::varchar as rule
from early_reasons
where reason is not null
union all
select k.id, r.source, 'duplicate',
    'copy of ' || s.id || ': ' || coalesce(d.evidence, 'through other copies, by ' || c.kinds),
    s.id, coalesce(d.evidence, 'through other copies, by ' || c.kinds),
    case
        when s.area > k.area then 'kept the larger: ' || s.described || ' over ' || coalesce(k.described, 'none')
        when s.is_lossless and not k.is_lossless then 'kept the lossless one: ' || s.described || ' over ' || k.described
        when s.is_labelled and not k.is_labelled then 'as large and as good: kept the one whose own label names a subtype'
        when s.license_place < k.license_place
            then 'alike in size, form and label: kept the one whose license asks less: ' || s.license || ' over ' || k.license
        else 'alike in size, form, label and license: kept the first by id'
    end
from keepers k
join survivors s on s.twin = k.twin
join records r on r.id = k.id
left join direct d on d.first = least(k.id, s.id) and d.second = greatest(k.id, s.id)
left join touching c on c.id = k.id
where k.place > 1
order by 1;
