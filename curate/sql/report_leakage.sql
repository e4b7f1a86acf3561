-- one row per kind of group that a split must not tear: how many groups there are, how many are torn
select g.kind, count(*) as groups_in_all,
    (select count(*) from leakage l where l.kind = g.kind) as torn
from (
    select 'id' as kind, o.namespace || ':' || c.isic_id as member from corpus c join sources o on o.source = c.source
    union select 'bytes', sha256 || coalesce('/' || tile, '') from corpus
    union select 'lesion', lesion_id from corpus
    union select 'patient', patient_id from corpus
    union select 'family', family from corpus
) g
where g.member is not null
group by g.kind
order by g.kind
