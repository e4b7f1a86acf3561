-- one row per name that stands in more than one split; each says how many such names there are in all
with doubled as (
    select name from audit_places group by name having min(split) <> max(split)
)
select p.name, list_sort(list_distinct(list(p.split))) as splits, count(*) over () as all_names
from audit_places p
semi join doubled d on d.name = p.name
group by p.name
qualify row_number() over (order by p.name) <= $most
order by p.name
