-- one row per sheet source whose sheets a labels-only build leaves alone
select source || ': ' || count(*) || ' sheets are not looked at (labels only)' as note
from sheets
where (select labels_only from mode)
group by source
order by source
