-- Pictures of each category by skin tone, reported and estimated apart, with the share of the category within the tone; of a class its degrees, who published them, and the confidence below which an angle has none. Sources may report a type only where there was a biopsy: then its shares tell of that choice, not of the skin (docs/skin-tone.md).
create or replace view category_by_skin_tone as
select t.kind, t.tone, t.category, count(*) as pictures,
    round(count(*) / sum(count(*)) over (partition by t.kind, t.tone), 4) as share_of_tone,
    b.degrees, b.source as bounds_from,
    case when t.kind = 'estimated' then (select max(least_confidence) from tone_bounds) end as least_confidence
from (
    select 'reported' as kind, coalesce(tone_reported::varchar, 'unknown') as tone, category from corpus
    union all
    select 'estimated', coalesce(tone_ita_class, 'unknown'), category from corpus
) t
left join tone_bounds b on t.kind = 'estimated' and b.class = t.tone
group by t.kind, t.tone, t.category, b.step, b.degrees, b.source
order by t.kind, b.step, t.tone, t.category;
