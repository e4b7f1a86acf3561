-- Every picture left out as a copy: its survivor, the evidence, and the rule by which the survivor was kept.
create or replace view duplicates as
select id, source, survivor, evidence, rule
from exclusions
where reason = 'duplicate'
order by survivor, id;
