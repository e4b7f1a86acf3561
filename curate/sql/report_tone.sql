-- one row per skin tone, reported and estimated apart: pictures by category and split, and the degrees seen
with tones as (
    select 'reported' as kind, tone_reported::varchar as tone, null::double as degrees, category, split from corpus
    union all
    select 'estimated', tone_ita_class, tone_ita_deg, category, split from corpus
)
select kind, tone, count(*) as pictures,
    histogram(category) as categories,
    count(*) filter (split = 'train') as train, count(*) filter (split = 'validation') as validation,
    count(*) filter (split = 'test') as test,
    min(degrees) as least_degrees, max(degrees) as most_degrees
from tones
group by kind, tone
order by kind, tone is null, max(degrees) desc nulls last, tone
