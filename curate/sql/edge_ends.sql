-- one row per edge: the two records that it joins
select first, second from edges
