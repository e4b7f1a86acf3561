-- one row per label that occurs and that no map knows
select source, source_label, count(*) as records
from labels
where status = 'unmapped'
group by source, source_label
order by source, records desc, source_label
