-- one row: the rows of the file, those that cannot be placed, and the pictures that are known
select count(*) as rows, count(*) filter (name = '') as without_name,
    count(*) filter (name <> '' and split = '') as without_split,
    count(*) filter (name <> '' and m.problem is null) as known,
    count(*) filter (name <> '' and split <> '' and m.problem is null) as compared,
    count(distinct m.picture) filter (m.problem is null) as pictures
from audited a
left join audit_matches m using (name)
