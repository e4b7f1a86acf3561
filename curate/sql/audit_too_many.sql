-- one row: how many different words the split column has, of rows that name a picture
select count(distinct split) as words from audited where split <> '' and name <> ''
