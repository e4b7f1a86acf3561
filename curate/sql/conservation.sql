-- one row per record that breaks the law: records = corpus + exclusions, each id once
select id, sum(claimed)::integer as times_claimed, sum(kept)::integer as times_in_corpus, sum(left_out)::integer as times_left_out
from (
    select id, 1 as claimed, 0 as kept, 0 as left_out from records
    union all select id, 0, 1, 0 from corpus
    union all select id, 0, 0, 1 from exclusions
)
group by id
having sum(claimed) <> 1 or sum(kept) + sum(left_out) <> 1
order by id
