-- one row per other photograph of the lesion that this record shows, as their look says: they are one family
select case when first = $id then second else first end as other, max(score) as score,
    string_agg(evidence, '; ' order by evidence) as evidence
from near_pairs
where is_kin and (first = $id or second = $id)
    and not exists (
        select 1 from edges e where e.first = near_pairs.first and e.second = near_pairs.second
    )
group by all
order by other
