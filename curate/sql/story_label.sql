-- one row: what the label means, alone and together with the copies of the picture
select l.source_label, l.subtype, l.category, l.status, l.note,
    w.category as shared_category, w.subtype as shared_subtype, w.rule
from labels l
join twins t on t.id = l.id
left join twin_labels w on w.twin = t.twin
where l.id = $id
