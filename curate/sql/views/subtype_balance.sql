-- Pictures of each subtype by source and split; subtype NULL where only the category is known.
create or replace view subtype_balance as
select subtype, category, source, split, count(*) as pictures, count(distinct family) as families
from corpus
group by all
order by category, subtype, source, split;
