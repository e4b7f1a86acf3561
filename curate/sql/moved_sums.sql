-- one row: how many records are in another split than before, and how many families they are now
select count(*) as records, count(distinct s.family) as families
from moved m join splits s on s.id = m.id
