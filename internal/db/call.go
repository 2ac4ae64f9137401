package db

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// CreateCalls stores calls. One that is stored already stays as it is.
func (db *DB) CreateCalls(ctx context.Context, calls []gatehouse.Call) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		for i := range calls {
			c := &calls[i]
			err := t.CreateCall(ctx, query.CreateCallParams{
				ID: c.ID, OrgKey: c.OrgKey, APIID: c.APIID, ApplicationID: c.ApplicationID, Says: jsonText(c), At: micros(c.At),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return db.explain(err, "call")
}

// Call returns a call by the X-Request-Id of its answer, whoever's it is.
func (db *DB) Call(ctx context.Context, id string) (*gatehouse.Call, error) {
	says, err := db.q.CallByID(ctx, id)
	if err != nil {
		return nil, db.explain(err, "call")
	}
	return call(says)
}

// CallsOf returns the last calls of an application, the newest first.
func (db *DB) CallsOf(ctx context.Context, applicationID string, limit int) ([]*gatehouse.Call, error) {
	rows, err := db.q.CallsOfApplication(ctx, query.CallsOfApplicationParams{ApplicationID: applicationID, Limit: int32(limit)})
	if err != nil {
		return nil, db.explain(err, "call")
	}
	return tryEach(rows, call)
}

// CallsTo returns the last calls of an API of an organization, the newest first.
func (db *DB) CallsTo(ctx context.Context, orgKey, apiID string, limit int) ([]*gatehouse.Call, error) {
	rows, err := db.q.CallsToAPI(ctx, query.CallsToAPIParams{OrgKey: orgKey, APIID: apiID, Limit: int32(limit)})
	if err != nil {
		return nil, db.explain(err, "call")
	}
	return tryEach(rows, call)
}

// PurgeCalls removes calls that came before a moment.
func (db *DB) PurgeCalls(ctx context.Context, before time.Time) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.PurgeCalls(ctx, micros(before))
		return err
	})
	return db.explain(err, "call")
}

func call(says string) (*gatehouse.Call, error) {
	c := &gatehouse.Call{}
	if err := json.Unmarshal([]byte(says), c); err != nil {
		return nil, fmt.Errorf("a stored call is damaged: %w", err)
	}
	return c, nil
}
