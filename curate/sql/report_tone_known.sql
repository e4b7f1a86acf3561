-- one row per source that reports skin tones, and way of diagnosis: pictures, those with a reported type, and the malignant of both
select source, coalesce(diagnosis_method, 'unknown') as diagnosis_method, count(*) as pictures,
    count(tone_reported) as reported,
    count(*) filter (category_index = (select max(category_index) from categories)) as malignant,
    count(tone_reported) filter (category_index = (select max(category_index) from categories)) as malignant_reported
from corpus
where source in (select source from corpus where tone_reported is not null)
group by all
order by source, pictures desc, diagnosis_method
