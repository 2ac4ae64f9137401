// Package query is the SQL of package db, checked and turned into Go by sqlc: make
// generate writes it from the *.sql files beside it and from the migrations. Only this
// file is written by hand.
package query
