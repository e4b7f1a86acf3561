-- one row per category of either side: how many pictures have it before and after, and how many come and go
with was as (
    select w.category, count(*) as pictures
    from before.keepers k join before.twin_labels w on w.twin = k.twin
    where k.place = 1 and w.category is not null
    group by w.category
),
now as (
    select w.category, count(*) as pictures
    from after.keepers k join after.twin_labels w on w.twin = k.twin
    where k.place = 1 and w.category is not null
    group by w.category
),
named as (
    select category, max(category_index) as place
    from (select * from before.categories union all select * from after.categories)
    group by category
)
select n.category, b.category is not null as was_declared, a.category is not null as is_declared,
    coalesce(w.pictures, 0) as before, coalesce(x.pictures, 0) as after
from named n
left join before.categories b on b.category = n.category
left join after.categories a on a.category = n.category
left join was w on w.category = n.category
left join now x on x.category = n.category
order by n.place, n.category
