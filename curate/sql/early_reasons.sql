-- one row per record: the first reason that keeps it out for its own sake, before copies are compared
create or replace table early_reasons as
with mode_now as (select labels_only from mode),
told as (
    select r.id, r.source, r.problem as record_problem, r.problem_detail as record_detail,
        p.problem as picture_problem, p.problem_detail as picture_detail,
        r.location is null as has_no_picture,
        coalesce(m.diagnosis_method, b.value, 'unknown') as diagnosis_method,
        l.status, l.source_label, l.note, w.is_conflict, w.rule as label_rule, t.twin,
        (select min(d.note) from decisions d where d.decision = 'withdraw' and d.first = r.id) as withdrawn,
        exists (select 1 from decisions d where d.decision = 'withdraw' and d.first = r.id) as is_withdrawn
    from records r
    join labels l on l.id = r.id
    join twins t on t.id = r.id
    left join twin_labels w on w.twin = t.twin
    left join pictures p on p.id = r.id
    left join metadata m on m.id = r.id
    left join knowledge b on b.id = r.id and b.field = 'diagnosis_method'
),
known as (
    -- no method named in the recipe: any will do
    select *, len($methods::varchar[]) = 0 or list_contains($methods::varchar[], diagnosis_method) as is_wanted from told
)
select k.id, k.source, k.twin,
    case
        when k.record_problem is not null then k.record_problem
        when not m.labels_only and k.has_no_picture then 'no picture'
        when not m.labels_only and k.picture_problem is not null then k.picture_problem
        when k.status in ('no label', 'out of scope') then k.status
        when not k.is_wanted then 'out of scope'
        when k.status = 'ambiguous label' then k.status
        when k.is_conflict then 'label conflict'
        when k.is_withdrawn then 'rejected'
    end as reason,
    case
        when k.record_problem is not null then k.record_detail
        when not m.labels_only and k.has_no_picture then 'the label row is here, the picture is not'
        when not m.labels_only and k.picture_problem is not null then k.picture_detail
        when k.status = 'no label' then 'the source gives no label'
        when k.status = 'out of scope' then '"' || k.source_label || '": ' || coalesce(k.note, 'mapped to nothing on purpose')
        when not k.is_wanted
            then 'diagnosed by ' || k.diagnosis_method || '; the recipe takes ' || array_to_string($methods::varchar[], ', ')
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
