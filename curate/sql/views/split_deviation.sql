-- For all pictures, and each subtype, source and skin tone: the share of each split, and how many points it is off the recipe.
create or replace view split_deviation as
with parts as (
    select c.id, c.family, c.split, s.rule = 'published test set' as is_published, p.kind, p.value
    from corpus c
    join splits s on s.id = c.id,
    lateral (
        values ('all', 'all'), ('subtype', coalesce(c.subtype, c.category || ', subtype unknown')), ('source', c.source),
            ('tone_reported', coalesce('type ' || c.tone_reported, 'unknown')), ('tone_ita_class', coalesce(c.tone_ita_class, 'unknown'))
    ) as p(kind, value)
),
wholes as (
    select kind, value, count(*) as pictures, count(distinct family) as families from parts group by kind, value
),
held as (
    select kind, value, split, count(*) as pictures, count(*) filter (is_published) as published
    from parts
    group by kind, value, split
)
select w.kind, w.value, r.split, coalesce(h.pictures, 0) as pictures, w.pictures as pictures_of_all_splits, w.families,
    coalesce(h.published, 0) as published_test, round(coalesce(h.pictures, 0) / w.pictures, 4) as share, r.share as recipe,
    round(100 * (coalesce(h.pictures, 0) / w.pictures - r.share), 2) as points
from wholes w
cross join split_shares r
left join held h on h.kind = w.kind and h.value = w.value and h.split = r.split
order by list_position(['all', 'subtype', 'source', 'tone_reported', 'tone_ita_class'], w.kind), w.value,
    list_position(['train', 'validation', 'test'], r.split);
