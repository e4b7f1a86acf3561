-- one row per source: how many different pictures of the file are its, in any split
select source, count(distinct picture) as pictures
from (select picture, unnest(sources) as source from audit_matches where problem is null)
group by source
order by source
