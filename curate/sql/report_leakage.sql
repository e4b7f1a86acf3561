-- one row per kind of group that a split must not tear: how many groups there are, how many are torn
select g.kind, count(*) as groups_in_all,
    (select count(*) from leakage l where l.kind = g.kind) as torn
from (
    select 'twin' as kind, twin as grouping from corpus
    union select 'lesion', lesion_id from corpus
    union select 'patient', patient_id from corpus
    union select 'family', family from corpus
) g
where g.grouping is not null
group by g.kind
order by g.kind
