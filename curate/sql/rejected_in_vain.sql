-- one row per rejected pair that stands in one twin group all the same, through copies of both
select d.line, d.first, d.second,
    (select string_agg(t.id, ', ' order by t.id) from twins t where t.twin = a.twin and t.id not in (d.first, d.second)) as through
from decisions d
join twins a on a.id = d.first
join twins b on b.id = d.second
where d.decision = 'reject' and a.twin = b.twin
order by d.line
