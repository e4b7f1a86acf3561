-- one row per count that a source publishes of itself and that is another here
with counted as (
    select source, 'records' as what, count(*) as here from records where not (select labels_only from mode) group by source
    union all
    select source, published_split, count(*) from records
    where published_split is not null and not (select labels_only from mode)
    group by source, published_split
    union all
    select source, 'lesions', count(distinct lesion_id) from records group by source
    union all
    select source, 'patients', count(distinct patient_id) from records group by source
    union all
    select source, 'cases', count(*) from cases group by source
    union all
    select source, 'sheets', count(*) from sheets where not (select labels_only from mode) group by source
)
select c.source, c.what, c.here, e.expected
from counted c
join expected_counts e on e.source = c.source and e.what = c.what
where c.here <> e.expected
order by c.source, list_position(['sheets', 'cases', 'records', 'train', 'validation', 'test', 'lesions', 'patients'], c.what);
