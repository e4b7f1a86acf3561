-- one row per picture of the corpus, with all that is said of it but where its bytes lie
select * exclude (location) from corpus order by id
