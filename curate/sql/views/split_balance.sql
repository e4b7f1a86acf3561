-- For each subtype the share of its pictures in each split, to hold against the shares of the recipe.
create or replace view split_balance as
select subtype, category, split, count(*) as pictures, count(distinct family) as families,
    round(count(*) / sum(count(*)) over (partition by subtype, category), 4) as share_of_subtype
from corpus
group by subtype, category, split
order by category, subtype, split;
