-- one row per record that could be in the corpus: its place in the order in which one of its twin group is kept
create or replace table keepers as
with merits as (
    select e.id, t.twin, coalesce(p.width::bigint * p.height, 0) as area,
        coalesce(p.format in ('PNG', 'BMP', 'TIFF'), false) as is_lossless, l.subtype is not null as is_labelled,
        o.license, coalesce(w.place, 1000) as license_place,
        case when p.width is not null then p.width || 'x' || p.height || coalesce(' ' || p.format, '') end as described
    from early_reasons e
    join twins t on t.id = e.id
    join labels l on l.id = e.id
    join sources o on o.source = e.source
    left join license_order w on w.license = o.license
    left join pictures p on p.id = e.id
    where e.reason is null
)
select *,
    row_number() over (partition by twin order by area desc, is_lossless desc, is_labelled desc, license_place, id) as place
from merits
order by id;
