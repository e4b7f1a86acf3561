-- Pictures by skin tone and split: reported (Fitzpatrick 1-6) and estimated (ITA class, with its degrees, who published them, and the confidence below which an angle has none) stand apart and are never merged.
create or replace view skin_tone_balance as
select t.kind, t.tone, t.split, count(*) as pictures, b.degrees, b.source as bounds_from,
    case when t.kind = 'estimated' then (select max(least_confidence) from tone_bounds) end as least_confidence
from (
    select 'reported' as kind, coalesce(tone_reported::varchar, 'unknown') as tone, split from corpus
    union all
    select 'estimated', coalesce(tone_ita_class, 'unknown'), split from corpus
) t
left join tone_bounds b on t.kind = 'estimated' and b.class = t.tone
group by t.kind, t.tone, t.split, b.step, b.degrees, b.source
order by t.kind, b.step, t.tone, t.split;
