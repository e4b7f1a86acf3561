-- one row per source of sheets: a hash of which tile of which sheet each of its ids is
select source, sha256(string_agg(concat_ws(' ', r.id, p.sha256, p.cell), chr(10) order by r.id)) as tiles
from records r
join pictures p on p.id = r.id
where p.cell > 0
group by source
order by source
