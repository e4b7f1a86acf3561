-- one row where the record has a picture: what is known of its bytes
select * from pictures where id = $id
