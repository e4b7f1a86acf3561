-- one row per record that is called so, with or without its source
select id from records where id = $name or image_id = $name order by id
