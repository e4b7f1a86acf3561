-- one row per source that claims a record: what it is, and how much of it is in
select s.source, s.title, s.released, s.modality, r.claimed, coalesce(c.kept, 0) as kept, r.claimed - coalesce(c.kept, 0) as left_out
from sources s
join (select source, count(*) as claimed from records group by source) r on r.source = s.source
left join (select source, count(*) as kept from corpus group by source) c on c.source = s.source
order by s.source
