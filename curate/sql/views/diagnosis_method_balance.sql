-- Pictures by how the diagnosis was made (unknown: nobody says), source and category.
create or replace view diagnosis_method_balance as
select coalesce(diagnosis_method, 'unknown') as diagnosis_method, source, category, count(*) as pictures,
    round(count(*) / sum(count(*)) over (partition by source), 4) as share_of_source
from corpus
group by coalesce(diagnosis_method, 'unknown'), source, category
order by 1, source, category;
