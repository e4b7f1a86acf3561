-- one row per family: where its hash puts it, or the test set that was published, and its fold of the others
create or replace table family_places as
with hashed as (
    select f.family, coalesce(bool_or(r.published_split = 'test'), false) as is_published_test,
        sha256($salt || ':' || f.family) as place, sha256($salt || ':fold:' || f.family) as fold_place
    from families f join records r on r.id = f.id
    group by f.family
)
select family, is_published_test, place,
    case
        when is_published_test then 'test'
        when place < $train_until then 'train'
        when place < $validation_until then 'validation'
        else 'test'
    end as split,
    case when $folds > 0 then (('0x' || fold_place[1:12])::ubigint % greatest($folds, 1))::integer end as fold
from hashed
order by place, family;
