-- one row per copy of the picture: what its own source says it is
select l.id, l.source_label, l.subtype, l.category, l.status
from twins mine
join twins t on t.twin = mine.twin
join labels l on l.id = t.id
where mine.id = $id
order by l.id
