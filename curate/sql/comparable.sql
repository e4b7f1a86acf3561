-- one row per different picture whose perceptual hash says something: copies of the same pixels stand for one
select min(p.id) as id, min_by(p.phash, p.id) as phash
from pictures p
join pixel_keys k using (id)
where p.detail >= $detail
group by k.key
order by 1
