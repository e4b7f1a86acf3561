-- one row per kind of change and, where it has few, per old and new value and cause: how many records, the first of them
with grouped as (
    select *, kind in ('record added', 'record removed') as is_claim,
        kind in ('record added', 'record removed', 'entered the corpus', 'left the corpus', 'other reason', 'category',
            'subtype', 'split', 'diagnosis_method', 'sex', 'site', 'modality', 'tone_reported', 'tone_ita_class', 'license') as is_named
    from changes
),
counted as (
    select kind, case when is_claim then source end as source, case when is_named then was end as was,
        case when is_named then now end as now, cause, count(*) as records,
        list({'id': id, 'was': was, 'now': now, 'why': why} order by id) as each
    from grouped
    group by all
)
select kind, source, was, now, cause, records, each[1:$most] as first
from counted
order by list_position(
        ['record added', 'record removed', 'entered the corpus', 'left the corpus', 'other reason', 'survivor',
            'category', 'subtype', 'split', 'family'], kind) nulls last,
    kind, records desc, source, was, now, cause
