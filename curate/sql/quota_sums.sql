-- one row: how many families, and pictures of the corpus in them, the quotas moved away from where their hash puts them
select count(distinct m.family) as families, count(c.id) as pictures
from quota_moves m
left join corpus c on c.family = m.family
