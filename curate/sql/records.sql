-- one row per picture that a source claims: a label row, a tile of a sheet, or a sheet that cannot be read
create or replace temp table cells as
select s.source, s.name, s.file, s.location, s.layout, s.position, m.sha256, t.cell, t.kind, t.text,
    regexp_extract(s.file, '[^/]+$') as sheet_file
from sheets s
join members m on m.location = s.location
join tiles t on t.sha256 = m.sha256 and t.version = (select montage from algorithms)
where not (select labels_only from mode);

-- What each label cell prints, held against the row of the workbook that it names; "?" is a letter that was not sure.
create or replace temp table label_cells_alone as
with read_cells as (
    select source, position, sheet_file, sha256, cell, text,
        regexp_extract(text, '^(\d+), ?([A-Z])/(\d+), ?(.+)$', ['number', 'sex', 'age', 'word']) as said,
        row_number() over (partition by source, position, sheet_file order by cell) as nth
    from cells
    where layout = 'captioned' and kind = 'label'
)
select r.source, r.position, r.sheet_file, r.sha256, r.cell, r.text, r.nth, try_cast(r.said.number as integer) as number,
    case
        when r.text is null or try_cast(r.said.number as integer) is null
            then 'the label cell ' || r.cell || ' of ' || r.sheet_file || ' cannot be read'
        when c.number is null
            then 'the workbook has no row ' || r.said.number || ', which the label cell ' || r.cell || ' of '
                || r.sheet_file || ' says is "' || r.text || '"'
        when c.sex is distinct from r.said.sex
            or try_cast(c.age as double) is distinct from try_cast(r.said.age as double)
            or not coalesce(lower(c.source_label) like replace(lower(r.said.word), '?', '_'), false)
            then 'the label cell ' || r.cell || ' of ' || r.sheet_file || ' says "' || r.text || '", row ' || c.number
                || ' of the workbook says "' || coalesce(c.sex, '') || '/' || coalesce(c.age, '') || ', '
                || coalesce(c.source_label, '') || '"'
    end as trouble
from read_cells r
left join cases c on c.source = r.source and c.number = try_cast(r.said.number as integer);

-- How many of its two neighbours go on where a sheet ends, or end where it begins.
create or replace temp table sheet_order as
with reach as (
    select source, position,
        min_by(number, cell) as first_number, max_by(number, cell) as last_number
    from label_cells_alone
    where trouble is null
    group by source, position
)
select here.source, here.position,
    (before.last_number + 1 is not distinct from here.first_number)::integer
        + (here.last_number + 1 is not distinct from after.first_number)::integer as neighbours
from reach here
left join reach before on before.source = here.source and before.position = here.position - 1
left join reach after on after.source = here.source and after.position = here.position + 1;

-- Each label cell, held against those before and after it on its sheet, and against the same case elsewhere.
create or replace temp table label_cells as
with placed as (
    select a.source, a.position, a.sheet_file, a.sha256, a.cell, a.number, a.trouble, a.nth,
        coalesce(o.neighbours, 0) as neighbours,
        lag(a.number - a.nth) over around as shift_before,
        lag(a.number) over around as number_before,
        lead(a.number - a.nth) over around as shift_after,
        lead(a.number) over around as number_after
    from label_cells_alone a
    left join sheet_order o on o.source = a.source and o.position = a.position
    window around as (partition by a.source, a.position, a.sheet_file, a.trouble is null order by a.cell)
),
copies as (
    select source, number, count(*) as copies, count(distinct sha256) as different_sheets, max(neighbours) as most
    from placed
    group by source, number
),
ranked as (
    select p.*, c.copies, c.different_sheets, c.most,
        row_number() over (
            partition by p.source, p.number order by p.neighbours desc, p.position, p.sheet_file, p.cell
        ) as turn,
        count(*) over (partition by p.source, p.number, p.neighbours) as as_many
    from placed p
    left join copies c on c.source = p.source and c.number = p.number
)
select source, position, sheet_file, cell, number,
    case
        when trouble is not null then trouble
        when copies > 1 and different_sheets = 1 and turn > 1
            then 'the sheet ' || sheet_file || ' is a copy of another'
        when different_sheets > 1 and not (neighbours = most and as_many = 1)
            then 'case ' || number || ' of ' || sheet_file || ' stands on more than one sheet'
        when number - nth <> shift_before
            then 'the label cell ' || cell || ' of ' || sheet_file || ' says case ' || number || ' after case ' || number_before
        when number - nth <> shift_after
            then 'the label cell ' || cell || ' of ' || sheet_file || ' says case ' || number || ' before case ' || number_after
    end as trouble
from ranked;

-- A sheet goes on with the last case of the sheet before only where the numbers prove it.
create or replace temp table sheet_runs as
with edges_of_sheets as (
    select s.source, s.position, regexp_extract(s.file, '[^/]+$') as sheet_file,
        (select count(*) from cells c where c.source = s.source and c.location = s.location and c.kind = 'blank') as blanks,
        (select min_by(l.number, l.cell) from label_cells l where l.source = s.source and l.position = s.position) as first_number,
        (select max_by(l.number, l.cell) from label_cells l where l.source = s.source and l.position = s.position) as last_number,
        (select max_by(coalesce(l.trouble, ''), l.cell) from label_cells l where l.source = s.source and l.position = s.position) as last_trouble
    from sheets s
    where s.layout = 'captioned'
)
select here.source, here.position, before.last_number as carried,
    case
        when before.position is null then 'no label cell'
        when before.blanks > 0 then 'sheet unreadable'
        when before.last_number + 1 = here.first_number then null
        when before.last_number is null and before.position is not null then 'no label cell'
        else 'sheet unreadable'
    end as break,
    case
        when before.position is null then 'the sheet before ' || here.sheet_file || ' is not here'
        when before.blanks > 0 then before.sheet_file || ' ends in blank cells, and ' || here.sheet_file || ' goes on'
        when before.last_number is null then 'the sheet before ' || here.sheet_file || ' has no label cell that could be read'
        when before.last_number + 1 = here.first_number then nullif(before.last_trouble, '')
        else here.sheet_file || ' begins with case ' || coalesce(here.first_number::varchar, '(unread)')
            || ', ' || before.sheet_file || ' ends with case ' || before.last_number
    end as detail
from edges_of_sheets here
left join edges_of_sheets before on before.source = here.source and before.position = here.position - 1;

create or replace temp table captioned_tiles as
with stream as (
    select c.source, c.position, c.sheet_file, c.file, c.location, c.name, c.cell, c.kind,
        last_value(case when c.kind = 'label' then c.cell end ignore nulls) over (
            partition by c.source, c.position, c.location order by c.cell
            rows between unbounded preceding and current row
        ) as label_cell,
        min(case when c.kind = 'blank' then c.cell end) over (
            partition by c.source, c.position, c.location order by c.cell
            rows between unbounded preceding and current row
        ) as blank_cell
    from cells c
    where c.layout = 'captioned'
),
ruled as (
    select s.*,
        case when s.label_cell is null then r.carried else l.number end as number,
        case
            when s.blank_cell is not null then 'sheet unreadable'
            when s.label_cell is null and r.break is not null then r.break
            when s.label_cell is null and r.detail is not null then 'sheet unreadable'
            when l.trouble is not null then 'sheet unreadable'
        end as problem,
        case
            when s.blank_cell is not null
                then 'the blank cell ' || s.blank_cell || ' of ' || s.sheet_file || ' stands before more pictures'
            when s.label_cell is null then r.detail
            else l.trouble
        end as problem_detail,
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
