-- what is known of the tiles of sheets by their number: it holds no longer where sheets are cut otherwise
delete from pixels where cell > 0;
delete from fingerprints where cell > 0;
delete from features where cell > 0;
delete from appearance where cell > 0;
delete from looks where first_cell > 0 or second_cell > 0;
