-- one row per outcome of the labels, of the records that have a sheet and a case to have one
select l.status, count(*) as records
from labels l join records r on r.id = l.id
where r.problem is null
group by l.status
order by l.status
