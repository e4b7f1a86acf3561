-- Pictures of each category by skin tone, reported and estimated apart, with the share of the category within the tone.
create or replace view category_by_skin_tone as
select kind, tone, category, count(*) as pictures,
    round(count(*) / sum(count(*)) over (partition by kind, tone), 4) as share_of_tone
from (
    select 'reported' as kind, coalesce(tone_reported::varchar, 'unknown') as tone, category from corpus
    union all
    select 'estimated', coalesce(tone_ita_class, 'unknown'), category from corpus
)
group by kind, tone, category
order by kind, tone, category;
