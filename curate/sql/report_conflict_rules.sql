-- one row per rule that decided between differing labels of copies, and what came of it: groups of copies
select rule, count(distinct twin) as copy_groups, count(*) as records
from label_conflicts
group by rule
order by copy_groups desc, rule
