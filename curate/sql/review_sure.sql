-- one row per pair that is one picture by more than its look
select distinct first, second from edges where kind <> 'near' order by 1, 2
