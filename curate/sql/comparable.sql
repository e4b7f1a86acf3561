-- one row per different picture whose perceptual hash says something: copies of the same pixels stand for one
select min(id) as id, min_by(phash, id) as phash
from pictures
where problem is null and pixels_sha256 is not null and detail >= $detail
group by pixels_sha256
order by 1
