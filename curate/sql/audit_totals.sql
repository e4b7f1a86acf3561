-- one row: the rows of the file, and those that cannot be placed
select count(*) as rows, count(*) filter (name = '') as without_name,
    count(*) filter (name <> '' and split = '') as without_split,
    count(*) filter (name <> '' and m.problem is null) as known
from audited a
left join audit_matches m using (name)
