-- one row per picture of one source that has places to be known by, with them
select s.sha256, s.cell, s.location, s.box_left, s.box_top, s.box_width, s.box_height, f.places
from searchable s
join features f on f.sha256 = s.sha256 and f.cell = s.cell and f.version = $features
where s.source = $source
order by s.sha256, s.cell
