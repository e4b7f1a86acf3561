-- one row per label in the conflicts to show: some groups of each rule, in the order of their hash
with groups as (
    select twin, rule, row_number() over (partition by rule order by sha256(twin), twin) as turn
    from label_conflicts
    group by twin, rule
),
shown as (
    select twin, row_number() over (order by rule, turn) as place from groups where turn <= $most
)
select s.place, l.twin, l.rule, l.decided_category, l.decided_subtype, l.id, l.source_label, l.subtype, l.category
from shown s
join label_conflicts l on l.twin = s.twin
order by s.place, l.id
