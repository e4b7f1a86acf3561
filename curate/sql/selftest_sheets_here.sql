-- one row per source: its sheets that were cut whole, at least once into tiles
select s.source, count(distinct s.file) as sheets
from sheets s
join records r on r.location = s.location and r.cell > 0
where not (select labels_only from mode)
group by s.source
