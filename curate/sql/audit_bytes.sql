-- one row more per picture of the file whose bytes are here
insert into audit_groups
select distinct 'bytes', p.sha256 || '/' || p.cell, a.picture
from pictures p
join audit_records a on a.id = p.id
semi join audit_places f on f.picture = a.picture
where p.problem is null and p.sha256 is not null;

insert into audit_looked_at
select distinct a.picture
from pictures p
join audit_records a on a.id = p.id
where p.problem is null and p.pixels_sha256 is not null;
