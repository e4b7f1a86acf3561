-- one row: what the source claims of this picture
select r.*, s.title, s.license, s.attribution from records r join sources s using (source) where r.id = $id
