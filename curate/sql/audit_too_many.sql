-- one row: how many different words the split column has
select count(distinct split) as words from audited where split <> ''
