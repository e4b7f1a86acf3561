-- one row per word for sex, site or diagnosis method that no vocabulary knows
select field, source, said, count(*) as records
from (
    select 'sex' as field, source, sex as said from records
    union all select 'site', source, site from records
    union all select 'diagnosis_method', source, diagnosis_method from records
) r
where said is not null
    and not exists (select 1 from vocabulary v where v.field = r.field and v.source_value = lower(r.said))
group by field, source, said
order by records desc, field, source, said
