-- one row per record and thing in which the corpora `before` and `after` differ: what it was, what it is, and why
create or replace temp table changes as
with claimed as (
    select coalesce(a.id, b.id) as id, coalesce(a.source, b.source) as source,
        b.id is not null as was_claimed, a.id is not null as is_claimed,
        b.source_label as old_word, a.source_label as new_word
    from before.records b
    full join after.records a on a.id = b.id
),
standing as (
    select c.*,
        bx.reason as old_reason, bx.detail as old_detail, bx.survivor as old_survivor,
        ax.reason as new_reason, ax.detail as new_detail, ax.survivor as new_survivor,
        c.source in (select source from before.records) as source_was_here,
        c.source in (select source from after.records) as source_is_here
    from claimed c
    left join before.exclusions bx on bx.id = c.id
    left join after.exclusions ax on ax.id = c.id
),
outcomes as (
    select id, source, 'record added' as kind, null::varchar as was, coalesce(new_reason, 'kept') as now,
        case when source_was_here then 'the source claims more' else 'the source is new' end as cause, new_detail as why
    from standing
    where not was_claimed
    union all
    select id, source, 'record removed', coalesce(old_reason, 'kept'), null,
        case when source_is_here then 'the source claims less' else 'the source is gone' end, old_detail
    from standing
    where not is_claimed
    union all
    select id, source, 'entered the corpus', old_reason, 'kept',
        case old_reason
            when 'duplicate' then 'no copy, or the better copy, now'
            when 'label conflict' then 'copies agree now, or the newest decides'
            else 'the reason no longer holds'
        end,
        'before: ' || old_detail
    from standing
    where was_claimed and is_claimed and old_reason is not null and new_reason is null
    union all
    select id, source, 'left the corpus', 'kept', new_reason, null, new_detail
    from standing
    where was_claimed and is_claimed and old_reason is null and new_reason is not null
    union all
    select id, source, 'other reason', old_reason, new_reason, null, new_detail
    from standing
    where was_claimed and is_claimed and old_reason <> new_reason
    union all
    select id, source, 'survivor', old_survivor, new_survivor, 'another copy is kept', new_detail
    from standing
    where was_claimed and is_claimed and old_survivor <> new_survivor
),
kept as (
    select b.id, b.source, b as old, a as new, bl as old_label, al as new_label,
        bw.rule as old_rule, aw.rule as new_rule, bs.rule as old_split_rule, asp.rule as new_split_rule
    from before.corpus b
    join after.corpus a on a.id = b.id
    left join before.labels bl on bl.id = b.id
    left join after.labels al on al.id = b.id
    left join before.twin_labels bw on bw.twin = b.twin
    left join after.twin_labels aw on aw.twin = a.twin
    left join before.splits bs on bs.id = b.id
    left join after.splits asp on asp.id = b.id
),
labelled as (
    select k.id, k.source, f.kind, f.was, f.now,
        case
            when k.old.source_label is distinct from k.new.source_label then 'the source says another word'
            when (k.old_label.subtype, k.old_label.category) is distinct from (k.new_label.subtype, k.new_label.category)
                then 'the label maps'
            else 'the copies'
        end as cause,
        case
            when k.old.source_label is distinct from k.new.source_label
                then '"' || coalesce(k.old.source_label, '') || '" became "' || coalesce(k.new.source_label, '') || '"'
            when (k.old_label.subtype, k.old_label.category) is distinct from (k.new_label.subtype, k.new_label.category)
                then '"' || coalesce(k.new.source_label, '') || '" meant '
                    || coalesce(k.old_label.subtype, k.old_label.category, 'nothing') || ', and means '
                    || coalesce(k.new_label.subtype, k.new_label.category, 'nothing')
            else coalesce(k.old_rule, 'no label') || ', then ' || coalesce(k.new_rule, 'no label')
        end as why
    from kept k,
    lateral (values ('category', k.old.category, k.new.category), ('subtype', k.old.subtype, k.new.subtype)) as f(kind, was, now)
    where f.was is distinct from f.now
),
placed as (
    select k.id, k.source, 'split' as kind, k.old.split as was, k.new.split as now,
        case
            when k.old.family <> k.new.family then 'it is in another family'
            when k.old_split_rule <> k.new_split_rule then k.new_split_rule
            else 'other shares or another salt'
        end as cause,
        case
            when k.old.family <> k.new.family then 'family ' || k.old.family || ' became ' || k.new.family
            when k.old_split_rule <> k.new_split_rule then 'before: ' || k.old_split_rule
        end as why
    from kept k
    where k.old.split is distinct from k.new.split
),
described as (
    select k.id, k.source, f.kind, f.was, f.now, null::varchar as cause, null::varchar as why
    from kept k,
    lateral (
        values ('family', k.old.family, k.new.family), ('source_label', k.old.source_label, k.new.source_label),
            ('sha256', k.old.sha256, k.new.sha256), ('file', k.old.file, k.new.file),
            ('size', k.old.width || 'x' || k.old.height, k.new.width || 'x' || k.new.height),
            ('diagnosis_method', k.old.diagnosis_method, k.new.diagnosis_method),
            ('lesion_id', k.old.lesion_id, k.new.lesion_id), ('patient_id', k.old.patient_id, k.new.patient_id),
            ('age', k.old.age::varchar, k.new.age::varchar), ('sex', k.old.sex, k.new.sex),
            ('site', k.old.site, k.new.site), ('modality', k.old.modality, k.new.modality),
            ('tone_reported', k.old.tone_reported::varchar, k.new.tone_reported::varchar),
            ('tone_ita_class', k.old.tone_ita_class, k.new.tone_ita_class),
            ('license', k.old.license, k.new.license), ('attribution', k.old.attribution, k.new.attribution)
    ) as f(kind, was, now)
    where f.was is distinct from f.now
)
select * from outcomes
union all select * from labelled
union all select * from placed
union all select * from described
order by kind, id;
