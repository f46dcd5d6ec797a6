module g0peers

go 1.26
