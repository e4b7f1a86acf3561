-- one row per family and subtype (none: only the category is known) of pictures that are kept: how many it has
select s.family, coalesce(w.subtype, w.category || ', subtype unknown') as subtype, count(*) as pictures
from keepers k
join families s on s.id = k.id
join twin_labels w on w.twin = k.twin
where k.place = 1
group by all
order by all
