-- that two sources, as they were, were compared
delete from searches where asking = $asking and asked = $asked;
