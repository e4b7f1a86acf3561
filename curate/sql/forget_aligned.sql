-- what two sources, as they were, had in common
delete from aligned where asking = $asking and asked = $asked;
