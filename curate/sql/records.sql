-- one row per picture that a source claims: a label row, a tile of a sheet, or a sheet that cannot be read
create or replace temp table cells as
select s.source, s.name, s.file, s.location, s.layout, s.position, m.sha256, t.cell, t.kind, t.text,
    regexp_extract(s.file, '[^/]+$') as sheet_file
from sheets s
join members m on m.location = s.location
join tiles t on t.sha256 = m.sha256 and t.version = (select montage from algorithms)
where not (select labels_only from mode);

-- What each label cell prints, held against the row of the workbook that it names and against its neighbours.
create or replace temp table label_cells as
with read_cells as (
    select source, position, sheet_file, sha256, cell, text,
        regexp_extract(text, '^(\d+), ?([A-Z])/(\d+), ?(.+)$', ['number', 'sex', 'age', 'word']) as said
    from cells
    where layout = 'captioned' and kind = 'label'
),
numbered as (
    select source, position, sheet_file, sha256, cell, text, said, try_cast(said.number as integer) as number
    from read_cells
),
placed as (
    select *,
        lag(number) over (partition by source, position order by cell) as number_before,
        row_number() over (partition by source, number order by position, sheet_file, cell) as turn,
        count(distinct sha256) over (partition by source, number) as different_sheets
    from numbered
)
select p.source, p.position, p.sheet_file, p.cell, p.number,
    case
        when p.text is null or p.number is null
            then 'the label cell ' || p.cell || ' of ' || p.sheet_file || ' cannot be read'
        when p.turn > 1 and p.different_sheets = 1
            then 'the sheet ' || p.sheet_file || ' is a copy of another'
        when p.different_sheets > 1
            then 'case ' || p.number || ' stands on more than one sheet'
        when p.number <> p.number_before + 1
            then 'the label cell ' || p.cell || ' of ' || p.sheet_file || ' says case ' || p.number || ' after case ' || p.number_before
        when c.number is null
            then 'the workbook has no row ' || p.number || ', which the label cell says is "' || p.text || '"'
        when c.sex is distinct from p.said.sex
            or try_cast(c.age as double) is distinct from try_cast(p.said.age as double)
            or lower(c.source_label) is distinct from lower(p.said.word)
            then 'the label cell says "' || p.text || '", row ' || p.number || ' of the workbook says "'
                || coalesce(c.sex, '') || '/' || coalesce(c.age, '') || ', ' || coalesce(c.source_label, '') || '"'
    end as trouble
from placed p
left join cases c on c.source = p.source and c.number = p.number;

-- A sheet goes on with the last case of the sheet before only where the numbers prove it.
create or replace temp table sheet_runs as
with edges_of_sheets as (
    select s.source, s.position,
        count(*) over (partition by s.source, s.position) as doubled,
        (select min_by(l.number, l.cell) from label_cells l where l.source = s.source and l.position = s.position) as first_number,
        (select max_by(l.number, l.cell) from label_cells l where l.source = s.source and l.position = s.position) as last_number,
        (select max_by(coalesce(l.trouble, ''), l.cell) from label_cells l where l.source = s.source and l.position = s.position) as last_trouble
    from sheets s
    where s.layout = 'captioned'
)
select here.source, here.position, before.last_number as carried,
    case
        when before.position is null then 'no label cell'
        when before.last_number + 1 = here.first_number and here.doubled = 1 and before.doubled = 1 then null
        when before.last_number is null and before.position is not null then 'no label cell'
        else 'sheet unreadable'
    end as break,
    case
        when before.position is null then 'the sheet before ' || here.position || ' is not here'
        when before.last_number is null then 'the sheet before ' || here.position || ' has no label cell that could be read'
        when before.last_number + 1 = here.first_number and here.doubled = 1 and before.doubled = 1
            then nullif(before.last_trouble, '')
        else 'sheet ' || here.position || ' begins with case ' || coalesce(here.first_number::varchar, '(unread)')
            || ', sheet ' || before.position || ' ends with case ' || before.last_number
    end as detail
from edges_of_sheets here
left join edges_of_sheets before on before.source = here.source and before.position = here.position - 1;

create or replace temp table captioned_tiles as
with stream as (
    select c.source, c.position, c.sheet_file, c.file, c.location, c.name, c.cell, c.kind,
        last_value(case when c.kind = 'label' then c.cell end ignore nulls) over (
            partition by c.source, c.position, c.location order by c.cell
            rows between unbounded preceding and current row
        ) as label_cell
    from cells c
    where c.layout = 'captioned'
),
ruled as (
    select s.*,
        case when s.label_cell is null then r.carried else l.number end as number,
        case
            when s.label_cell is null and r.break is not null then r.break
            when s.label_cell is null and r.detail is not null then 'sheet unreadable'
            when l.trouble is not null then 'sheet unreadable'
        end as problem,
        case when s.label_cell is null then r.detail else l.trouble end as problem_detail,
        row_number() over (partition by s.source, s.location order by s.cell) as nth_on_sheet
    from stream s
    left join label_cells l
        on l.source = s.source and l.position = s.position and l.sheet_file = s.sheet_file and l.cell = s.label_cell
    left join sheet_runs r on r.source = s.source and r.position = s.position
    where s.kind = 'picture'
),
counted as (
    select *,
        row_number() over (partition by source, number order by position, sheet_file, cell) as nth_of_case
    from ruled
    where problem is null
)
select source, number || '/' || nth_of_case as image_id, number, file, location, cell, null as problem, null as problem_detail, sheet_file
from counted
union all
select source, sheet_file || '/' || nth_on_sheet as image_id, null, file, location, cell, problem, problem_detail, sheet_file
from ruled
where problem is not null;

create or replace table records as
-- a row of a label file
select c.source || ':' || c.image_id as id, c.source, c.image_id, c.isic_id, c.source_label, c.published_split,
    c.lesion_id, c.patient_id, c.age, c.sex, c.site, c.diagnosis_method, c.tone_reported,
    coalesce(c.modality, o.modality) as modality, c.file, c.location, 0 as cell, c.mask, c.claims,
    null::varchar as problem, null::varchar as problem_detail
from claims c join sources o on o.source = c.source
union all
-- a tile of a plain sheet
select p.source || ':' || p.name || '/' || row_number() over (partition by p.source, p.name order by p.cell),
    p.source, p.name || '/' || row_number() over (partition by p.source, p.name order by p.cell), null,
    s.source_label, s.published_split, null, null, null, null, null, s.diagnosis_method, null,
    coalesce(s.modality, o.modality), s.file, s.location, p.cell, null, s.claims, null, null
from cells p
join sheets s on s.source = p.source and s.name = p.name
join sources o on o.source = s.source
where p.layout = 'plain' and p.kind = 'picture'
union all
-- a tile of a captioned sheet, with what the workbook says of its case
select t.source || ':' || t.image_id, t.source, t.image_id, null,
    c.source_label, null, case when t.problem is null then t.number::varchar end, null, c.age, c.sex, c.site,
    c.diagnosis_method, null, coalesce(c.modality, o.modality), t.file, t.location, t.cell, null,
    coalesce(c.claims, '{}'), t.problem, t.problem_detail
from captioned_tiles t
join sources o on o.source = t.source
left join cases c on c.source = t.source and c.number = t.number and t.problem is null
union all
-- a sheet that could not be cut
select s.source || ':' || case s.layout when 'plain' then s.name else regexp_extract(s.file, '[^/]+$') end, s.source,
    case s.layout when 'plain' then s.name else regexp_extract(s.file, '[^/]+$') end, null,
    s.source_label, s.published_split, null, null, null, null, null, null, null,
    coalesce(s.modality, o.modality), s.file, s.location, 0, null, s.claims,
    'sheet unreadable', coalesce(k.problem, m.problem)
from sheets s
join sources o on o.source = s.source
join members m on m.location = s.location
left join sheets_cut k on k.sha256 = m.sha256 and k.layout = s.layout and k.version = (select montage from algorithms)
where not (select labels_only from mode) and (k.problem is not null or m.problem is not null)
union all
-- without pictures, a case of the workbook
select c.source || ':' || c.number, c.source, c.number::varchar, null, c.source_label, null, c.number::varchar, null,
    c.age, c.sex, c.site, c.diagnosis_method, null, coalesce(c.modality, o.modality), null, null, 0, null, c.claims,
    null, null
from cases c
join sources o on o.source = c.source
where (select labels_only from mode)
order by 1;
