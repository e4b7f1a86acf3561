-- one row: how many of the names are names of pictures here
select count(*) filter (problem is null) as known from audit_matches
