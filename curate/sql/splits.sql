-- one row per record: the split of its family, and why it is that one
create or replace table splits as
with families_placed as (
    select f.family,
        coalesce(bool_or(r.published_split = 'test'), false) as is_published_test,
        sha256($salt || ':' || f.family) as place
    from families f join records r on r.id = f.id
    group by f.family
)
select f.id, f.family,
    case
        when p.is_published_test then 'test'
        when p.place < $train_until then 'train'
        when p.place < $validation_until then 'validation'
        else 'test'
    end as split,
    case when p.is_published_test then 'published test set' else 'hash of the family' end as rule
from families f
join families_placed p on p.family = f.family
order by f.id;
