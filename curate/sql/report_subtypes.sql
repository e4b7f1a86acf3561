-- one row per subtype (none: only the category is known): its pictures, families, splits and the number of its sources
select category, category_index, subtype, count(*) as pictures, count(distinct family) as families,
    count(distinct source) as sources,
    count(*) filter (split = 'train') as train, count(*) filter (split = 'validation') as validation,
    count(*) filter (split = 'test') as test
from corpus
group by category, category_index, subtype
order by category_index, pictures desc, subtype nulls last
