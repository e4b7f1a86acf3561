-- one row per picture handed on, in the order in which files are read
from shard_rows
where ($split::varchar is null or split = $split)
    and (len($allowed::varchar[]) = 0 or list_contains($allowed::varchar[], license))
order by location, box_top, box_left, id
