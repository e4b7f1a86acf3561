-- one row per record and field that only its copies know: the value on which they agree, and who says it
create or replace table knowledge as
with said as (
    select t.twin, m.id, f.field, f.value
    from metadata m
    join twins t on t.id = m.id,
    lateral (
        values ('lesion_id', m.lesion_id), ('patient_id', m.patient_id), ('age', m.age::varchar), ('sex', m.sex),
            ('site', m.site), ('diagnosis_method', m.diagnosis_method), ('tone_reported', m.tone_reported::varchar)
    ) as f(field, value)
    where f.value is not null
        and not exists (select 1 from decisions d where d.decision = 'withdraw' and d.first = m.id)
),
agreed as (
    select twin, field, min(value) as value, min(id) as origin
    from said
    group by twin, field
    having count(distinct value) = 1
)
select t.id, a.field, a.value, a.origin
from agreed a
join twins t on t.twin = a.twin
where not exists (select 1 from said s where s.id = t.id and s.field = a.field)
order by t.id, a.field;
