-- one row per name in the file that means no picture here, and why; each says how many names and rows there are in all
select m.name, m.problem, count(*) as rows, count(*) over () as all_names, sum(count(*)) over ()::bigint as all_rows
from audited a
join audit_matches m on m.name = a.name
where m.problem is not null
group by m.name, m.problem
qualify row_number() over (order by m.name) <= $most
order by m.name
