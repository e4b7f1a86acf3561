-- Groups of the corpus that are torn between splits, by id, bytes, lesion, patient and family: a sound corpus has no row here.
create or replace view leakage as
select kind, torn, count(*) as pictures, string_agg(distinct split, ', ' order by split) as splits
from (
    select 'id' as kind, o.namespace || ':' || c.isic_id as torn, c.split from corpus c join sources o on o.source = c.source
    union all select 'bytes', sha256 || coalesce('/' || tile, ''), split from corpus
    union all select 'lesion', lesion_id, split from corpus
    union all select 'patient', patient_id, split from corpus
    union all select 'family', family, split from corpus
)
where torn is not null
group by kind, torn
having count(distinct split) > 1
order by kind, torn;
