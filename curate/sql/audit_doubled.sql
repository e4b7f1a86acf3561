-- one row per name that stands in more than one split; each says how many such names there are in all
select name, list_sort(list_distinct(list(split))) as splits, count(*) over () as all_names
from audit_places
group by name
having count(distinct split) > 1
qualify row_number() over (order by name) <= $most
order by name
