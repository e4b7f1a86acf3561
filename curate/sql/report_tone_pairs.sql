-- one row per reported Fitzpatrick type and estimated class, where both are known: two scales side by side, no truth
select tone_reported, tone_ita_class, count(*) as pictures, round(avg(tone_ita_deg), 1) as mean_ita_deg
from corpus
where tone_reported is not null and tone_ita_class is not null
group by all
order by tone_reported, mean_ita_deg desc
