-- one row per record: the first reason that keeps it out for its own sake, before copies are compared
create or replace table early_reasons as
with mode_now as (select labels_only from mode),
known as (
    select r.id, r.source, r.problem as record_problem, r.problem_detail as record_detail,
        p.problem as picture_problem, p.problem_detail as picture_detail,
        r.location is null as has_no_picture,
        l.status, l.source_label, l.note, w.is_conflict, w.rule as label_rule, t.twin,
        (select min(d.note) from decisions d where d.decision = 'withdraw' and d.first = r.id) as withdrawn,
        exists (select 1 from decisions d where d.decision = 'withdraw' and d.first = r.id) as is_withdrawn
    from records r
    join labels l on l.id = r.id
    join twins t on t.id = r.id
    left join twin_labels w on w.twin = t.twin
    left join pictures p on p.id = r.id
)
select k.id, k.source, k.twin,
    case
        when k.record_problem is not null then k.record_problem
        when not m.labels_only and k.has_no_picture then 'no picture'
        when not m.labels_only and k.picture_problem is not null then k.picture_problem
        when k.status in ('no label', 'out of scope', 'ambiguous label') then k.status
        when k.is_conflict then 'label conflict'
        when k.is_withdrawn then 'rejected'
    end as reason,
    case
        when k.record_problem is not null then k.record_detail
        when not m.labels_only and k.has_no_picture then 'the label row is here, the picture is not'
        when not m.labels_only and k.picture_problem is not null then k.picture_detail
        when k.status = 'no label' then 'the source gives no label'
        when k.status = 'out of scope' then '"' || k.source_label || '": ' || coalesce(k.note, 'mapped to nothing on purpose')
        when k.status = 'ambiguous label' then '"' || k.source_label || '" means two subtypes, and the newer label of the same picture is not here'
        when k.is_conflict then (
            select string_agg(l.id || ' says ' || coalesce(l.subtype, l.category), '; ' order by l.id)
            from labels l join twins t on t.id = l.id
            where t.twin = k.twin and l.status = 'mapped'
        )
        when k.is_withdrawn then 'withdrawn in decisions.csv' || coalesce(': ' || nullif(k.withdrawn, ''), '')
    end as detail
from known k, mode_now m
order by k.id;
