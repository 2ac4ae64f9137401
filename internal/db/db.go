// Package db keeps what Gatehouse knows in SQL. One set of queries (query/*.sql)
// serves SQLite and PostgreSQL; what differs lives in sqlite.go and postgres.go.
//
// One exported method is one transaction. Methods that change a thing take the rule
// to apply as a function, so rules stay in package gatehouse and in the services,
// and transactions stay here. What nodes hold copies of is announced in the same
// transaction that changes it (change.go).
//
//	organization.go user.go session.go      people and where they belong
//	api.go version.go scope.go              what publishers offer
//	application.go keys.go subscription.go apikey.go   what developers build
//	token.go                                refresh tokens, opaque access tokens, revocations
//	authorize.go                            what browsers go through on the way to a token
//	client.go                               what clients may present once
//	tier.go deny.go                         tiers, and who is kept out
//	device.go issuer.go grant.go            device codes; trusted issuers; uses of grants
//	signing.go                              signing keys, sealed
//	migrate.go migrations/                  the schema, forward only
//
// It does not own any rule, and it never sees a token, a secret or a password: only
// their hashes.
package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// DB is a store. Its methods may be called from any goroutine.
type DB struct {
	// OnChange, when set, is called after each transaction that announced a change,
	// before the method that made it returns. Set it before the DB is used.
	OnChange func(ctx context.Context)
	// Now is the clock. Default time.Now.
	Now func() time.Time

	read    *sql.DB
	q       *query.Queries // prepared on read
	w       *query.Queries // prepared where write transactions run
	dialect dialect
}

// dialect is what differs between the two databases.
type dialect interface {
	// writer is where write transactions run.
	writer() *sql.DB
	// transact runs deed in one write transaction.
	transact(ctx context.Context, deed deed) error
	// announce is called in a transaction before its first change is appended: it
	// keeps changes in the order of their commits, and wakes those who wait for them.
	announce(ctx context.Context, tx *sql.Tx) error
	// wait returns when another process may have changed something, or ctx ends.
	wait(ctx context.Context) error
	conflict(error) bool
	// orphan tells that what a row belongs to is gone.
	orphan(error) bool
	unavailable(error) bool
	close() error
}

// deed is what happens inside a transaction.
type deed func(ctx context.Context, tx *sql.Tx) error

// Open opens the database at dsn, a SQLite file name or a postgres:// URL, and brings
// its schema up to date.
func Open(ctx context.Context, dsn string) (*DB, error) {
	open := openSQLite
	if IsPostgres(dsn) {
		open = openPostgres
	}
	db, err := open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	db.Now = time.Now
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("bring the schema up to date: %w", err), db.Close())
	}
	if err := db.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the queries: %w", err), db.Close())
	}
	return db, nil
}

func (db *DB) prepare(ctx context.Context) (err error) {
	if db.q, err = query.Prepare(ctx, db.read); err != nil {
		return err
	}
	db.w = db.q
	if writer := db.dialect.writer(); writer != db.read {
		db.w, err = query.Prepare(ctx, writer)
	}
	return err
}

// IsPostgres reports whether dsn names a PostgreSQL-compatible server.
func IsPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// Close closes the database.
func (db *DB) Close() error { return errors.Join(db.read.Close(), db.dialect.close()) }

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.read.PingContext(ctx) }

// tx is one running write transaction.
type tx struct {
	*query.Queries
	db        *DB
	sql       *sql.Tx
	announced bool
}

// change runs f in one write transaction and, once it is committed, tells OnChange
// when f announced something.
func (db *DB) change(ctx context.Context, f func(context.Context, *tx) error) error {
	var announced bool
	err := db.dialect.transact(ctx, func(ctx context.Context, sqlTx *sql.Tx) error {
		t := &tx{Queries: db.w.WithTx(sqlTx), db: db, sql: sqlTx}
		err := f(ctx, t)
		announced = t.announced
		failpoint("before-commit")
		return err
	})
	failpoint("after-commit")
	if err == nil && announced && db.OnChange != nil {
		db.OnChange(ctx)
	}
	return err
}

// explain gives the errors a caller can act on their kind.
func (db *DB) explain(err error, what string) error {
	if err == nil {
		return nil
	}
	if _, classed := errors.AsType[*gatehouse.Error](err); classed {
		return err
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return gatehouse.Errorf(gatehouse.NotFound, "there is no such %s", what)
	case db.dialect.conflict(err):
		return &gatehouse.Error{Kind: gatehouse.Conflict, Message: "this " + what + " exists already", Err: err}
	case db.dialect.orphan(err):
		return &gatehouse.Error{Kind: gatehouse.NotFound, Message: "what this " + what + " belongs to is not there any more", Err: err}
	case errors.Is(err, context.DeadlineExceeded), db.dialect.unavailable(err):
		return &gatehouse.Error{Kind: gatehouse.Unavailable, Message: "the database does not answer: try again later", Err: err}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// one turns "no row was touched" into NotFound.
func one(rows int64, err error, what string) error {
	if err == nil && rows == 0 {
		return gatehouse.Errorf(gatehouse.NotFound, "there is no such %s", what)
	}
	return err
}

// text writes a list as JSON; nil is the empty list.
func text[T any](list []T) string {
	if list == nil {
		return "[]"
	}
	return jsonText(list)
}

// jsonText writes a noun of ours as JSON.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // nouns are made of what always marshals
	}
	return string(b)
}

// list reads what text wrote.
func list[T any](s string) ([]T, error) {
	var l []T
	if err := json.Unmarshal([]byte(s), &l); err != nil {
		return nil, fmt.Errorf("a stored list is damaged: %w", err)
	}
	return l, nil
}

// micros is how times are stored; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment reads what micros wrote.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
