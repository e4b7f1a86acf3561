-- one row per pair of pictures that look alike: the same pixels, near and seen twice, or accepted by a person
select distinct a.picture as first, b.picture as second
from edges e
join audit_records a on a.id = e.first
join audit_records b on b.id = e.second
where e.kind not in ('same id', 'listed', 'same bytes') and a.picture <> b.picture
order by 1, 2
