-- what the stages worked with when the corpus was built: it stays as it is while a stage runs again without `split`
create or replace table built_with as from made_with where kind <> 'proof' order by kind, name, stage;
create or replace table built_from as
from parsed_files where source in (select source from sources where here) order by source, name;
