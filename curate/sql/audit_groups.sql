-- one row per kind, group, picture of the file and split that holds it so (none: any): what must not be torn between splits
create or replace temp table audit_groups as
with here as (
    select distinct picture from audit_places
)
select 'id' as kind, picture as torn, picture, null::varchar as split from here
union all
-- a lesion that was seen, not claimed, says so
select j.kind, case when j.kind = 'lesion' then 'seen: ' else '' end || j.torn, j.picture, null from audit_joined j semi join here using (picture)
union all
select distinct 'lesion', a.lesion, a.picture, null from audit_records a semi join here using (picture) where a.lesion is not null
union all
select distinct 'patient', a.patient, a.picture, null from audit_records a semi join here using (picture) where a.patient is not null;

create or replace temp table audit_looked_at (picture varchar);
