-- Per source and reason: how many records were claimed, kept and left out; claimed = kept + left out.
create or replace view ledger as
select r.source, coalesce(e.reason, case when c.id is not null then 'kept' else 'not decided' end) as outcome,
    count(*) as records
from records r
left join exclusions e on e.id = r.id
left join corpus c on c.id = r.id
group by all
order by r.source, outcome;
