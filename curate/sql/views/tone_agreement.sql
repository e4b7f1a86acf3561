-- How often the estimated class, its six taken as types I to VI from light to dark, is the reported Fitzpatrick type, and within one of it, with 95 % intervals (Wilson 1927); which types are among the pictures, and how often saying one of them of every picture would be right; beside published figures.
create or replace view tone_agreement as
with both_known as (
    select c.source, c.tone_reported as reported, b.step
    from corpus c
    join tone_bounds b on b.class = c.tone_ita_class
    where c.tone_reported is not null
),
compared as (
    select *, source as place from both_known
    union all
    select *, 'all sources' from both_known
),
counted as (
    select place, count(*) as n, string_agg(distinct reported::varchar, ' ' order by reported::varchar) as types,
        count(*) filter (step = reported) as hits, count(*) filter (abs(step - reported) <= 1) as near
    from compared
    group by place
),
guesses as (
    -- what saying one type of every picture would score: of all six the best, and of equals the one with more near it
    select c.place, g.type, count(*) filter (c.reported = g.type) as hits, count(*) filter (abs(c.reported - g.type) <= 1) as near
    from compared c, (select unnest(range(1, 7)) as type) g
    group by c.place, g.type
    qualify row_number() over (partition by c.place order by hits desc, near desc, g.type) = 1
),
shares as (
    select k.*, k.hits / k.n as p, k.near / k.n as q, 1.959964 as z, g.type as constant, g.hits / k.n as constant_p, g.near / k.n as constant_q
    from counted k
    join guesses g on g.place = k.place
)
select compared, source, pictures, types, exact, exact_low, exact_high, within_one, within_one_low, within_one_high,
    constant, constant_exact, constant_within_one
from (
    select 1 as place, 'reported and estimated' as compared, place as source, n as pictures, types,
        round(p, 4) as exact,
        round(greatest((p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n), 0), 4) as exact_low,
        round(least((p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n), 1), 4) as exact_high,
        round(q, 4) as within_one,
        round(greatest((q + z * z / (2 * n) - z * sqrt(q * (1 - q) / n + z * z / (4 * n * n))) / (1 + z * z / n), 0), 4) as within_one_low,
        round(least((q + z * z / (2 * n) + z * sqrt(q * (1 - q) / n + z * z / (4 * n * n))) / (1 + z * z / n), 1), 4) as within_one_high,
        constant, round(constant_p, 4) as constant_exact, round(constant_q, 4) as constant_within_one
    from shares
    union all by name
    select * from (
        values
            (2, 'two people, published', 'Groh et al. 2021 (Fitzpatrick17k)', 0.48, 0.91),
            (3, 'ITA and people, published, least', 'Groh et al. 2021 (Fitzpatrick17k)', null, 0.58),
            (4, 'ITA and people, published, most', 'Groh et al. 2021 (Fitzpatrick17k)', null, 0.65)
    ) published (place, compared, source, exact, within_one)
)
order by place, source = 'all sources', source;
