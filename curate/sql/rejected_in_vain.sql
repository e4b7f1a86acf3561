-- one row per rejected pair that stands in one twin group all the same, or is still seen to show one lesion, through others
with rejected as (
    select d.line, d.first, d.second, a.twin as first_twin, b.twin as second_twin, f.kin as first_kin, s.kin as second_kin,
        p.photograph as one, q.photograph as other
    from decisions d
    join twins a on a.id = d.first
    join twins b on b.id = d.second
    join kin_groups f on f.id = d.first
    join kin_groups s on s.id = d.second
    join photographs p on p.id = d.first
    join photographs q on q.id = d.second
    where d.decision = 'reject'
),
lesions as (
    select p.photograph, s.namespace || ':' || r.lesion_id as lesion
    from records r join sources s using (source) join photographs p using (id)
    where r.lesion_id is not null
)
select r.line, r.first, r.second, 'copies of one picture' as stay,
    (select string_agg(t.id, ', ' order by t.id) from twins t where t.twin = r.first_twin and t.id not in (r.first, r.second)) as through
from rejected r
where r.first_twin = r.second_twin
union all
-- where a source claims one lesion, they are one family whatever their look
select r.line, r.first, r.second, 'photographs of one lesion',
    (select string_agg(k.id, ', ' order by k.id) from kin_groups k where k.kin = r.first_kin and k.id not in (r.first, r.second))
from rejected r
where r.first_twin <> r.second_twin and r.first_kin = r.second_kin
    and not exists (
        select 1 from lesions a join lesions b on b.lesion = a.lesion where a.photograph = r.one and b.photograph = r.other
    )
order by 1, 2, 3
