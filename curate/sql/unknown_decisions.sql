-- one row per id in decisions.csv that no record has; `is_here` where its source is in this root
select d.line, e.id, exists (select 1 from records r where r.source = split_part(e.id, ':', 1)) as is_here
from decisions d, lateral (values (d.first), (d.second)) as e(id)
where e.id <> '' and not exists (select 1 from records r where r.id = e.id)
order by d.line, e.id
