-- one row per split, test before train
select split, rows, pictures from audit_splits order by place
