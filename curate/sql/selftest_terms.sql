-- one row per number: the ISIC diagnosis hierarchy, and what of our taxonomy it knows
with named as (
    select t.subtype, h.path is not null as is_there, coalesce(t.isic_term, '') = '' as has_none
    from taxonomy t
    left join hierarchy h on h.path = t.isic_path and h.term = t.isic_term
)
select 'N' as id,
    format('{:,}, {:,} / {:,} / {:,}', count(*), count(*) filter (diagnosis_1 = 'Benign'),
        count(*) filter (diagnosis_1 = 'Malignant'), count(*) filter (diagnosis_1 = 'Indeterminate')) as ours
from hierarchy
union all
select 'N.subtypes',
    format('{:,} / {:,}', count(*), count(*) filter (is_there))
        || coalesce('; ' || string_agg(subtype, ', ' order by subtype) filter (has_none), '')
from named
