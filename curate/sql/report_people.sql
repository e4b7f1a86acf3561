-- one row per value of age (decade), sex, site, modality and diagnosis method: pictures by category
select trait, value, count(*) as pictures,
    histogram(category) as categories
from (
    select 'age' as trait, case when age is null then null else lpad((floor(age / 10) * 10)::integer::varchar, 3, ' ') end as value,
        category from corpus
    union all select 'sex', sex, category from corpus
    union all select 'site', site, category from corpus
    union all select 'modality', modality, category from corpus
    union all select 'diagnosis_method', diagnosis_method, category from corpus
)
group by trait, value
order by trait, value is null, case when trait = 'age' then 0 else -count(*) end, value
