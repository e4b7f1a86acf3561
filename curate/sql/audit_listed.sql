-- one row per pair of pictures that an official list calls copies
select distinct a.picture as first, b.picture as second
from listed_pairs l
join records f on f.source = l.source and f.image_id = l.first
join records s on s.source = l.source and s.image_id = l.second
join audit_records a on a.id = f.id
join audit_records b on b.id = s.id
order by 1, 2
