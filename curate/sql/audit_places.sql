-- one row per row of the file that has a picture and a split
create or replace temp table audit_places as
select m.picture, m.name, m.sources, m.records, m.problem, a.split, a.value
from audited a
join audit_matches m on m.name = a.name
where a.split <> '';

create or replace temp table audit_splits as
select split, count(*) as rows, count(distinct picture) as pictures,
    row_number() over (
        order by
            case
                when regexp_matches(lower(split), 'test') then 1
                when regexp_matches(lower(split), 'val|dev') then 2
                when regexp_matches(lower(split), 'train') then 4
                else 3
            end,
            split
    ) as place
from audit_places
group by split;
