-- one row per picture that the maps of `before` and `after` call otherwise: in or out, category, subtype
create or replace temp table label_changes as
with was as (
    select k.id, k.twin, w.category, w.subtype
    from before.keepers k
    join before.twin_labels w on w.twin = k.twin
    where k.place = 1 and w.category is not null
),
now as (
    select k.id, k.twin, w.category, w.subtype
    from after.keepers k
    join after.twin_labels w on w.twin = k.twin
    where k.place = 1 and w.category is not null
),
both_sides as (
    select coalesce(n.id, w.id) as id, w.id is not null as was_in, n.id is not null as is_in,
        w.category as was_category, w.subtype as was_subtype, n.category as now_category, n.subtype as now_subtype
    from was w
    full join now n on n.twin = w.twin
)
select b.id, r.source, r.source_label,
    case
        when not b.was_in then 'enters the corpus'
        when not b.is_in then 'leaves the corpus'
        when b.was_category <> b.now_category then 'category'
        else 'subtype'
    end as kind,
    case when b.was_in then b.was_category else coalesce(x.reason, 'not mapped') end as was,
    b.was_subtype,
    case when b.is_in then b.now_category else coalesce(y.reason, 'not mapped') end as now,
    b.now_subtype,
    coalesce(y.detail, x.detail) as why
from both_sides b
join after.records r on r.id = b.id
left join before.early_reasons x on x.id = b.id
left join after.early_reasons y on y.id = b.id
where (b.was_category, b.was_subtype) is distinct from (b.now_category, b.now_subtype);
