-- one row per licence: how many pictures of the corpus are under it
select license, count(*) as pictures
from corpus
group by license
order by license
