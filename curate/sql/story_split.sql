-- one row: the split, and the family that decides it
select s.split, s.rule, s.family, (select count(*) from families f where f.family = s.family) as members
from splits s
where s.id = $id
