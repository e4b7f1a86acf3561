-- Pictures under each licence, by source, with the credit that the source asks for.
create or replace view licenses as
select c.license, c.source, count(*) as pictures, o.redistribution, o.license_url, o.attribution
from corpus c join sources o on o.source = c.source
group by all
order by c.license, c.source;
