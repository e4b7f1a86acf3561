-- Copies of one picture that carry different labels: what each says, and the rule that decided.
create or replace view label_conflicts as
select t.twin, w.rule, w.category as decided_category, w.subtype as decided_subtype, l.id, l.source_label, l.subtype, l.category
from twin_labels w
join twins t on t.twin = w.twin
join labels l on l.id = t.id
where w.rule not in ('agreed', 'one copy knows the subtype') and l.status = 'mapped'
order by t.twin, l.id;
