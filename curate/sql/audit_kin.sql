-- one row per pair of pictures that are seen to show one lesion, which no source says: copies of either among them
select distinct a.picture as first, b.picture as second
from near_pairs n
join photographs p on p.id = n.first
join photographs q on q.id = n.second
join photographs c on c.photograph = p.photograph
join photographs d on d.photograph = q.photograph
join audit_records a on a.id = c.id
join audit_records b on b.id = d.id
where n.is_kin and n.sitting is distinct from 'lesion' and a.picture <> b.picture
order by 1, 2
