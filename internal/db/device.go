package db

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func deviceCode(r query.DeviceCode) (*gatehouse.DeviceCode, error) {
	d := &gatehouse.DeviceCode{
		Hash: r.Hash, UserCode: r.UserCode, ConsumerKey: r.ConsumerKey, State: gatehouse.DeviceState(r.State), UserID: r.UserID,
		Interval: seconds(r.IntervalS), PolledAt: moment(r.PolledAt), ExpiresAt: moment(r.ExpiresAt),
	}
	if err := json.Unmarshal([]byte(r.Carries), &d.Carries); err != nil {
		return nil, fmt.Errorf("a stored device code is damaged: %w", err)
	}
	return d, nil
}

// CreateDeviceCode stores a device's request. It is a Conflict when one of its codes is
// taken, and TooMany when the client has atMost requests open at the moment now.
func (db *DB) CreateDeviceCode(ctx context.Context, d *gatehouse.DeviceCode, atMost int64, now time.Time) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		open, err := t.CountDeviceCodes(ctx, query.CountDeviceCodesParams{ConsumerKey: d.ConsumerKey, ExpiresAt: micros(now)})
		if err != nil {
			return err
		}
		if open >= atMost {
			return gatehouse.Errorf(gatehouse.TooMany, "this client has %d device codes that wait for an answer: try again in a minute", open)
		}
		rows, err := t.CreateDeviceCode(ctx, query.CreateDeviceCodeParams{
			Hash: d.Hash, UserCode: d.UserCode, ConsumerKey: d.ConsumerKey, Carries: jsonText(d.Carries), State: string(d.State),
			IntervalS: int64(d.Interval / time.Second), ExpiresAt: micros(d.ExpiresAt),
		})
		if err == nil && rows == 0 {
			return gatehouse.Errorf(gatehouse.Conflict, "this code is taken")
		}
		return err
	})
	return db.explain(err, "device code")
}

// DeviceCodeByUserCode returns the device's request that a user code, by its hash, means.
func (db *DB) DeviceCodeByUserCode(ctx context.Context, hash string) (*gatehouse.DeviceCode, error) {
	r, err := db.q.DeviceCodeByUserCode(ctx, hash)
	if err != nil {
		return nil, db.explain(err, "device code")
	}
	return deviceCode(r)
}

// PollDeviceCode applies rule to the device's request with a hash and keeps when it was
// polled; a code that rule grants is gone by it. It is NotFound when there is no such
// code, also because another poll came first.
func (db *DB) PollDeviceCode(ctx context.Context, hash string, rule func(*gatehouse.DeviceCode) gatehouse.DevicePoll) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.DeviceCodeByHash(ctx, hash)
		if err != nil {
			return err
		}
		d, err := deviceCode(r)
		if err != nil {
			return err
		}
		switch rule(d) {
		case gatehouse.DeviceGranted:
			rows, err := t.DeleteDeviceCode(ctx, hash)
			return one(rows, err, "device code")
		case gatehouse.DeviceWaits, gatehouse.DeviceTooFast:
			return t.PollDeviceCode(ctx, query.PollDeviceCodeParams{Hash: hash, PolledAt: micros(d.PolledAt), IntervalS: int64(d.Interval / time.Second)})
		}
		return nil
	})
	return db.explain(err, "device code")
}

// AnswerDeviceCode stores what a user answered. It is a Conflict when there was an answer
// before.
func (db *DB) AnswerDeviceCode(ctx context.Context, d *gatehouse.DeviceCode) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.AnswerDeviceCode(ctx, query.AnswerDeviceCodeParams{Hash: d.Hash, State: string(d.State), UserID: d.UserID, Carries: jsonText(d.Carries)})
		if err == nil && rows == 0 {
			return gatehouse.Errorf(gatehouse.Conflict, "this device was answered already: if it still waits, start again on it")
		}
		return err
	})
	return db.explain(err, "device code")
}
