-- one row per record: what its own source's label means
create or replace table labels as
with decided as (
    select r.id, min(a.subtype) as subtype
    from records r
    join ambiguous a on a.source = r.source and a.source_label = r.source_label
    join records d on d.source = a.decided_by and d.source_label = a.decided_label and d.isic_id = r.isic_id
    group by r.id
    having count(distinct a.subtype) = 1
),
deciding as (
    select d.id, min(a.subtype) as subtype
    from records r
    join ambiguous a on a.source = r.source and a.source_label = r.source_label
    join records d on d.source = a.decided_by and d.source_label = a.decided_label and d.isic_id = r.isic_id
    group by d.id
    having count(distinct a.subtype) = 1
),
own as (
    select r.id, r.source, r.source_label,
        coalesce(x.subtype, y.subtype, m.subtype) as subtype,
        m.category as mapped_category, m.source_label is not null as is_mapped,
        x.subtype is null and exists (
            select 1 from ambiguous a where a.source = r.source and a.source_label = r.source_label
        ) as is_ambiguous,
        case when x.subtype is not null then 'decided by the newer label of the same picture'
            when y.subtype is not null then 'made precise by the older label of the same picture'
            else nullif(m.note, '') end as note
    from records r
    left join label_map m on m.source = r.source and m.source_label = r.source_label
    left join decided x on x.id = r.id
    left join deciding y on y.id = r.id
)
select o.id, o.source, o.source_label,
    case when o.is_ambiguous then null else o.subtype end as subtype,
    case when o.is_ambiguous then null else coalesce(t.category, o.mapped_category) end as category,
    case
        when o.source_label is null then 'no label'
        when o.is_ambiguous then 'ambiguous label'
        when not o.is_mapped then 'unmapped'
        when coalesce(t.category, o.mapped_category) is null then 'out of scope'
        else 'mapped'
    end as status,
    o.note
from own o
left join taxonomy t on t.subtype = o.subtype
order by o.id;
