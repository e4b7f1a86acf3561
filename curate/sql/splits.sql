-- one row per record: the split of its family, why it is that one, and its fold where it is not in the test set
create or replace table splits as
select f.id, f.family, coalesce(m.split, p.split) as split,
    case
        when p.is_published_test then 'published test set'
        when m.split is not null then 'quota of a subtype: the hash of the family says ' || p.split
        else 'hash of the family'
    end as rule,
    case when coalesce(m.split, p.split) <> 'test' then p.fold end as fold
from families f
join family_places p on p.family = f.family
left join quota_moves m on m.family = f.family
order by f.id;
