package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
)

const (
	maxConnections = 32
	// channel is what a transaction that announced a change notifies.
	channel = "gatehouse_changes"
	// changesLock orders the commits of transactions that append to changes; migrateLock
	// lets one node at a time bring the schema up to date.
	changesLock = 0x6761746501
	migrateLock = 0x6761746502
	// slowTick bounds how late a change is seen when a notification was lost.
	slowTick = time.Second
)

// postgresDialect uses one pool for readers and writers alike, and a connection of its
// own to hear of changes.
type postgresDialect struct {
	pool *sql.DB
	dsn  string

	mu   sync.Mutex
	conn *pgx.Conn // hears of changes; made when it is first needed
}

func openPostgres(ctx context.Context, dsn string) (*DB, error) {
	pool, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(maxConnections)
	pool.SetMaxIdleConns(maxConnections)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to PostgreSQL: %w", err), pool.Close())
	}
	return &DB{read: pool, dialect: &postgresDialect{pool: pool, dsn: dsn}}, nil
}

func (d *postgresDialect) writer() *sql.DB { return d.pool }

func (d *postgresDialect) transact(ctx context.Context, deed deed) error {
	tx, err := d.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := deed(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (d *postgresDialect) announce(ctx context.Context, tx *sql.Tx) error {
	// The lock is held until the commit: a change with a higher number is never seen
	// before one with a lower.
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1), pg_notify($2, '')", changesLock, channel)
	return err
}

func (d *postgresDialect) wait(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		if err := d.listen(ctx); err != nil {
			return err
		}
	}
	soon, cancel := context.WithTimeout(ctx, slowTick)
	defer cancel()
	_, err := d.conn.WaitForNotification(soon)
	switch {
	case err == nil, ctx.Err() == nil && soon.Err() != nil:
		return nil
	case d.conn.IsClosed():
		d.conn = nil
	}
	return err
}

func (d *postgresDialect) listen(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, d.dsn)
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return errors.Join(err, conn.Close(ctx))
	}
	d.conn = conn
	return nil
}

func (d *postgresDialect) conflict(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23505" // unique_violation
}

func (d *postgresDialect) orphan(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23503" // foreign_key_violation
}

func (d *postgresDialect) unavailable(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code[:2] {
		case "08", "25", "53", "57": // connection, read-only, resources, operator's intervention
			return true
		}
		return false
	}
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connect || network || errors.Is(err, sql.ErrConnDone) || pgconn.SafeToRetry(err)
}

func (d *postgresDialect) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return nil
	}
	return d.conn.Close(context.Background())
}
