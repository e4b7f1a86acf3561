-- Per source the share of pictures for which a field is unknown.
create or replace view missing_metadata as
select source, count(*) as pictures,
    round(1 - count(subtype) / count(*), 4) as subtype, round(1 - count(age) / count(*), 4) as age,
    round(1 - count(sex) / count(*), 4) as sex, round(1 - count(site) / count(*), 4) as site,
    round(1 - count(lesion_id) / count(*), 4) as lesion_id, round(1 - count(patient_id) / count(*), 4) as patient_id,
    round(1 - count(diagnosis_method) / count(*), 4) as diagnosis_method,
    round(1 - count(tone_reported) / count(*), 4) as tone_reported,
    round(1 - count(tone_ita_deg) / count(*), 4) as tone_ita_deg
from corpus
group by source
order by source;
