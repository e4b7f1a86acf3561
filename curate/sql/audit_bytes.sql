-- one row more per picture and split whose bytes are here: those of the record that the name in the file means; a name that
-- means records of different bytes, or one that is not here, says nothing of bytes
insert into audit_groups
with meant as (
    select distinct name, picture, split, unnest(records) as id from audit_places
),
seen as (
    select m.name, m.picture, m.split, count(*) as records, count(p.id) as here,
        count(distinct p.sha256 || '/' || p.cell) as contents, min(p.sha256 || '/' || p.cell) as content
    from meant m
    left join pictures p on p.id = m.id and p.problem is null and p.sha256 is not null
    group by m.name, m.picture, m.split
)
select distinct 'bytes', content, picture, split from seen where here = records and contents = 1;

insert into audit_looked_at
select distinct a.picture
from pictures p
join audit_records a on a.id = p.id
where p.problem is null and p.phash is not null;
