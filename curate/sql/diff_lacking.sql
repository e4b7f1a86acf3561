-- one row per column that a comparison needs and that one of the two corpora does not have
select s.side, n.table_name, n.column_name
from (values ('before'), ('after')) as s(side),
    (
        values ('records', 'source_label'), ('exclusions', 'survivor'), ('corpus', 'twin'), ('corpus', 'origins'),
            ('labels', 'note'), ('twin_labels', 'rule'), ('splits', 'rule'), ('keepers', 'described'),
            ('decisions', 'note'), ('map_version', 'version'), ('mode', 'labels_only'), ('sources', 'redistribution'),
            ('parsed', 'key'), ('fingerprints', 'version'), ('tiles', 'version'), ('appearance', 'version')
    ) as n(table_name, column_name)
where not exists (
    select 1 from duckdb_columns() c
    where c.database_name = s.side and c.table_name = n.table_name and c.column_name = n.column_name
)
order by s.side desc, n.table_name, n.column_name
