-- one row per trait, its value, source, split and category: pictures; what the charts of the report are made of and filtered by
with traits as (
    select c.source, c.split, c.category,
        unnest([
            {'trait': 'split', 'value': c.split},
            {'trait': 'source', 'value': c.source},
            {'trait': 'subtype', 'value': coalesce(c.subtype, '(' || c.category || ', subtype unknown)')},
            {'trait': 'reported', 'value': c.tone_reported::varchar},
            {'trait': 'estimated', 'value': c.tone_ita_class},
            {'trait': 'age', 'value': lpad((floor(c.age / 10) * 10)::integer::varchar, 3, ' ')},
            {'trait': 'sex', 'value': c.sex},
            {'trait': 'site', 'value': c.site},
            {'trait': 'modality', 'value': c.modality},
            {'trait': 'diagnosis_method', 'value': c.diagnosis_method}
        ], recursive := true)
    from corpus c
)
select trait, coalesce(value, 'unknown') as value, source, split, category, count(*) as pictures
from traits
group by all
order by trait, value, source, split, category
