-- one row per early reason: pictures that inspect found unreadable, tiles without a case
select problem, count(*) as pictures
from (
    select problem from records where problem is not null
    union all
    select p.problem from pictures p join records r using (id) where p.problem is not null and r.problem is null
)
group by problem
order by problem
