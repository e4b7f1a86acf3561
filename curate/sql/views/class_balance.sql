-- Pictures and families of each category in each split.
create or replace view class_balance as
select category, category_index, split, count(*) as pictures, count(distinct family) as families,
    round(count(*) / sum(count(*)) over (partition by split), 4) as share_of_split
from corpus
group by category, category_index, split
order by category_index, split;
