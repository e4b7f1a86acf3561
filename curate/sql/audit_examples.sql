-- one row per leaking picture and kind, test against train: its name and the first picture that it meets there
with called as (
    select picture, split, min(name) as name from audit_places group by picture, split
),
numbered as (
    select l.split, l.against, l.kind, c.name, o.name as partner, l.torn as "group",
        row_number() over (partition by l.split, l.against, l.kind order by c.name, l.torn) as place
    from audit_leaks l
    join audit_splits s on s.split = l.split
    join audit_splits t on t.split = l.against and s.place < t.place
    join called c on c.picture = l.picture and c.split = l.split
    join called o on o.picture = l.partner and o.split = l.against
)
select * exclude (place) from numbered where place <= $most order by split, against, kind, name, "group"
