-- one row per outcome of the labels
select status, count(*) as records from labels group by status order by status
