-- one row per line of decisions.csv that only one of the two corpora knows
select 'before' as side, decision, first, second, note
from (select decision, first, second, note from before.decisions except select decision, first, second, note from after.decisions)
union all
select 'after', decision, first, second, note
from (select decision, first, second, note from after.decisions except select decision, first, second, note from before.decisions)
order by decision, first, second, side
