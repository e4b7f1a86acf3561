-- one row per source of sheets: a hash of which tile each of its ids is, and of where it lies on its sheet
select source, sha256(string_agg(
    concat_ws(' ', r.id, p.sha256, p.cell, p.box_left, p.box_top, p.box_width, p.box_height), chr(10) order by r.id
)) as tiles
from records r
join pictures p on p.id = r.id
where p.cell > 0
group by source
order by source
