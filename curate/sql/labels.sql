-- one row per record: what its own source's label means
create or replace table labels as
with pairs as (
    -- a label that means two subtypes, beside the newer label of the same picture that tells which of the two it is
    select r.id as mixed, d.id as clear, a.subtype
    from records r
    join ambiguous a on a.source = r.source and a.source_label = r.source_label
    join records d on d.source = a.decided_by and d.source_label = a.decided_label and d.isic_id = r.isic_id
),
settled as (
    select id, min(subtype) as subtype, min(note) as note
    from (
        select mixed as id, subtype, 'decided by the newer label of the same picture' as note from pairs
        union all
        select clear, subtype, 'made precise by the older label of the same picture' from pairs
    )
    group by id
    having count(distinct subtype) = 1
),
own as (
    select r.id, r.source, r.source_label, m.category as mapped_category, m.source_label is not null as is_mapped,
        coalesce(s.subtype, m.subtype) as subtype, coalesce(s.note, nullif(m.note, '')) as note,
        s.subtype is not null as is_settled, s.subtype is null and exists (
            select 1 from ambiguous a where a.source = r.source and a.source_label = r.source_label
        ) as is_ambiguous
    from records r
    left join label_map m on m.source = r.source and m.source_label = r.source_label
    left join settled s on s.id = r.id
)
select o.id, o.source, o.source_label,
    case when not o.is_ambiguous then o.subtype end as subtype,
    case when not o.is_ambiguous then coalesce(t.category, o.mapped_category) end as category,
    case
        when o.source_label is null then 'no label'
        when o.is_ambiguous then 'ambiguous label'
        when not o.is_mapped then 'unmapped'
        when coalesce(t.category, o.mapped_category) is null then 'out of scope'
        else 'mapped'
    end as status,
    o.note, o.is_settled
from own o
left join taxonomy t on t.subtype = o.subtype
order by o.id;
