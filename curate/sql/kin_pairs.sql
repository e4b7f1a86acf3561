-- one row per pair of records whose look says that they are two photographs of one lesion
select distinct first, second from near_pairs where is_kin order by 1, 2
