-- one row per record that could be in the corpus: its place in the order in which one of its twin group is kept
create or replace table keepers as
select e.id, t.twin,
    row_number() over (
        partition by t.twin
        order by
            p.width::bigint * p.height desc nulls last,
            p.format in ('PNG', 'BMP', 'TIFF') desc nulls last,
            l.subtype is not null desc,
            e.id
    ) as place,
    case
        when p.width is null then 'first by id'
        else p.width || 'x' || p.height || ' ' || coalesce(p.format, '')
    end as merit
from early_reasons e
join twins t on t.id = e.id
join labels l on l.id = e.id
left join pictures p on p.id = e.id
where e.reason is null
order by e.id;
