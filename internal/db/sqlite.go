package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// pragmas stand in the DSN: set with Exec they would reach one pooled connection.
// FULL, because a token that was answered must survive a power cut.
const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)"

// sqliteDialect writes through one goroutine that commits what has queued up in one
// transaction, with a savepoint for each deed but the first: SQLite has room for one writer at a
// time, and the price of a commit is its wait for the disk.
type sqliteDialect struct {
	write  *sql.DB
	queue  chan *queued
	closed chan struct{}
	done   sync.WaitGroup
}

type queued struct {
	ctx      context.Context
	deed     deed
	answer   chan error
	panicked any
}

const (
	maxBatch = 128                    // deeds in one transaction
	tick     = 200 * time.Millisecond // how often another process's changes are looked for
)

func openSQLite(_ context.Context, path string) (*DB, error) {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + pragmas
	write, err := sql.Open("sqlite", dsn+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", dsn+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(max(4, 2*runtime.NumCPU()))
	read.SetMaxIdleConns(max(4, 2*runtime.NumCPU()))
	d := &sqliteDialect{write: write, queue: make(chan *queued, 4*maxBatch), closed: make(chan struct{})}
	// The file and its journal mode are made by the writer before any reader looks.
	if err := write.Ping(); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), write.Close(), read.Close())
	}
	d.done.Add(1)
	go d.run()
	return &DB{read: read, dialect: d}, nil
}

func (d *sqliteDialect) writer() *sql.DB { return d.write }

func (d *sqliteDialect) transact(ctx context.Context, deed deed) error {
	// A deed runs to its end once begun: interrupting a statement would roll back the
	// whole transaction, and with it the deeds of others.
	w := &queued{ctx: context.WithoutCancel(ctx), deed: deed, answer: make(chan error, 1)}
	select {
	case d.queue <- w:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.closed:
		return sql.ErrConnDone
	}
	select {
	case err := <-w.answer:
		if w.panicked != nil {
			panic(w.panicked)
		}
		return err
	case <-d.closed:
		return sql.ErrConnDone
	}
}

func (d *sqliteDialect) run() {
	defer d.done.Done()
	for {
		select {
		case w := <-d.queue:
			d.batch(w)
		case <-d.closed:
			return
		}
	}
}

// batch runs first and what else is queued, commits, and only then answers.
func (d *sqliteDialect) batch(first *queued) {
	tx, err := d.write.Begin()
	if err == nil {
		if err = first.run(tx); err != nil { // it is alone: what it did goes with the transaction
			err = errors.Join(err, rollback(tx))
		}
	}
	if err != nil {
		first.answer <- err
		return
	}
	batch, results := []*queued{first}, []error{nil}
	for len(batch) < maxBatch {
		select {
		case w := <-d.queue:
			batch = append(batch, w)
			results = append(results, w.runWithin(tx))
			continue
		default:
		}
		break
	}
	err = tx.Commit()
	if err != nil {
		err = errors.Join(err, rollback(tx))
	}
	for i, w := range batch {
		if results[i] == nil {
			results[i] = err
		}
		w.answer <- results[i]
	}
}

func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// run does the deed.
func (w *queued) run(tx *sql.Tx) (err error) {
	defer func() {
		if w.panicked = recover(); w.panicked != nil {
			err = errors.New("panic in a transaction")
		}
	}()
	return w.deed(w.ctx, tx)
}

// runWithin does the deed within a savepoint, so that its failure undoes it alone.
func (w *queued) runWithin(tx *sql.Tx) error {
	if _, err := tx.Exec("SAVEPOINT deed"); err != nil {
		return err
	}
	err := w.run(tx)
	if err != nil {
		if _, undo := tx.Exec("ROLLBACK TO deed"); undo != nil {
			err = errors.Join(err, undo)
		}
	}
	if _, release := tx.Exec("RELEASE deed"); release != nil {
		err = errors.Join(err, release)
	}
	return err
}

// announce has nothing to do: there is one writer at a time, so changes are appended
// in the order of their commits.
func (d *sqliteDialect) announce(context.Context, *sql.Tx) error { return nil }

func (d *sqliteDialect) wait(ctx context.Context) error {
	select {
	case <-time.After(tick):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *sqliteDialect) conflict(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlitelib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

func (d *sqliteDialect) orphan(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == sqlitelib.SQLITE_CONSTRAINT_FOREIGNKEY
}

func (d *sqliteDialect) unavailable(err error) bool {
	if errors.Is(err, sql.ErrConnDone) {
		return true
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED, sqlitelib.SQLITE_FULL, sqlitelib.SQLITE_IOERR, sqlitelib.SQLITE_READONLY, sqlitelib.SQLITE_CANTOPEN:
		return true
	}
	return false
}

func (d *sqliteDialect) close() error {
	close(d.closed)
	d.done.Wait()
	return d.write.Close()
}
