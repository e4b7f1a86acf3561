-- one row per label that occurs and that no map knows
select r.source, r.source_label, count(*) as records
from records r
where r.source_label is not null
    and not exists (select 1 from label_map m where m.source = r.source and m.source_label = r.source_label)
group by r.source, r.source_label
order by r.source, records desc, r.source_label
