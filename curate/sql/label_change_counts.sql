-- one row per kind of change, meaning before and after, source and label: how many pictures, and the first of them
select kind, was, was_subtype, now, now_subtype, source, source_label, count(*) as pictures,
    list({'id': id, 'why': why} order by id)[:$most] as first
from label_changes
group by kind, was, was_subtype, now, now_subtype, source, source_label
order by list_position(['category', 'leaves the corpus', 'enters the corpus', 'subtype'], kind), pictures desc,
    was, now, source, source_label
