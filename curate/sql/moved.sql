-- one row per record that is in another split than before
create or replace temp table moved as
select s.id, b.split as before, s.split as now
from splits s join splits_before b on b.id = s.id
where s.split <> b.split;
