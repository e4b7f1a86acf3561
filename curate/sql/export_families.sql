-- one row: how many families the pictures under the allowed licences are of, all where none is named
select count(distinct family) as families
from corpus
where len($allowed::varchar[]) = 0 or list_contains($allowed::varchar[], license)
