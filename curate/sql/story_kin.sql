-- one row per other photograph of the lesion that this record shows, as their look says: they are one family
with kin as (
    select case when p.photograph = o.photograph then n.second else n.first end as other, n.first, n.second, n.score, n.evidence
    from near_pairs n
    join photographs p on p.id = n.first
    join photographs q on q.id = n.second
    join photographs o on o.id = $id and o.photograph in (p.photograph, q.photograph)
    where n.is_kin
)
select k.other, max(k.score) as score, string_agg(k.evidence, '; ' order by k.evidence) as evidence
from kin k
where not exists (
    select 1 from edges e
    where (e.first = k.first and e.second = k.second) or (e.first = least($id, k.other) and e.second = greatest($id, k.other))
)
group by all
order by k.other
