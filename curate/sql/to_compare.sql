-- one row per candidate pair that nobody looked at yet
select c.first, c.second,
    a.sha256 as first_sha256, a.cell as first_cell, a.location as first_location,
    a.box_left as first_box_left, a.box_top as first_box_top, a.box_width as first_box_width, a.box_height as first_box_height,
    b.sha256 as second_sha256, b.cell as second_cell, b.location as second_location,
    b.box_left as second_box_left, b.box_top as second_box_top, b.box_width as second_box_width, b.box_height as second_box_height
from candidates c
join pictures a on a.id = c.first
join pictures b on b.id = c.second
left join looks l
    on l.first_sha256 = a.sha256 and l.first_cell = a.cell
    and l.second_sha256 = b.sha256 and l.second_cell = b.cell and l.version = $look
where l.agreement is null
order by a.location, b.location, a.cell, b.cell
