-- one row per picture handed on, in the order of the shards, which is that of the hash of the id (curate.ml.shards.place)
from shard_rows
where ($split::varchar is null or split = $split)
    and (len($allowed::varchar[]) = 0 or list_contains($allowed::varchar[], license))
order by sha256('curate shards' || chr(0) || id)
