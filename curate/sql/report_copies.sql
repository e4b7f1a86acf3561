-- one row per source of copies and source of their survivors: how many were left out
select d.source, r.source as survivor_source, count(*) as copies
from duplicates d
join records r on r.id = d.survivor
group by d.source, r.source
order by d.source, r.source
