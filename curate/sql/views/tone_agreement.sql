-- How often the estimated class, its six taken as types I to VI from light to dark, is the reported Fitzpatrick type, and within one of it; beside published figures.
create or replace view tone_agreement as
with both_known as (
    select c.source, abs(c.tone_reported - b.step) as apart
    from corpus c
    join tone_bounds b on b.class = c.tone_ita_class
    where c.tone_reported is not null
)
select compared, source, pictures, exact, within_one
from (
    select 1 as place, 'reported and estimated' as compared, coalesce(source, 'all sources') as source, count(*) as pictures,
        round(count(*) filter (apart = 0) / count(*), 4) as exact,
        round(count(*) filter (apart <= 1) / count(*), 4) as within_one
    from both_known
    group by rollup (source)
    having count(*) > 0
    union all
    select * from (
        values
            (2, 'two people, published', 'Groh et al. 2021 (Fitzpatrick17k)', null::bigint, 0.48, 0.91),
            (3, 'ITA and people, published, least', 'Groh et al. 2021 (Fitzpatrick17k)', null, null, 0.58),
            (4, 'ITA and people, published, most', 'Groh et al. 2021 (Fitzpatrick17k)', null, null, 0.65)
    )
)
order by place, source = 'all sources', source;
