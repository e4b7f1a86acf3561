-- Pictures by skin tone and split: reported (Fitzpatrick 1-6) and estimated (ITA class) stand apart and are never merged.
create or replace view skin_tone_balance as
select 'reported' as kind, coalesce(tone_reported::varchar, 'unknown') as tone, split, count(*) as pictures
from corpus group by all
union all
select 'estimated', coalesce(tone_ita_class, 'unknown'), split, count(*)
from corpus group by all
order by kind, tone, split;
