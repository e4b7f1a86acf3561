-- Pictures of each source by category and split.
create or replace view source_balance as
select source, category, split, count(*) as pictures,
    round(count(*) / sum(count(*)) over (partition by source), 4) as share_of_source
from corpus
group by source, category, split
order by source, category, split;
