-- one row per source: a name as this corpus writes it
select min(id) as name from audit_records group by source order by source limit 4
