package gateway

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// check asks a target how it is, again and again, until ctx ends. The first time comes
// somewhere within an interval, so that nodes and backends do not all ask at once.
func (l *line) check(ctx context.Context, t *target, log *slog.Logger) {
	settings := &l.settings.Tuning.HealthCheck
	interval := time.Duration(settings.Interval)
	timer := time.NewTimer(rand.N(interval))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := l.ask(ctx, t)
		if ctx.Err() != nil {
			return // the line is over: that says nothing of the target
		}
		if t.health.checked(err == nil, settings) {
			if err != nil {
				log.Warn("a target is taken out: its health checks fail", "api", l.api, "keys", l.keyType, "target", t.String(), "error", err)
			} else {
				log.Info("a target is back: its health checks succeed", "api", l.api, "keys", l.keyType, "target", t.String())
			}
		}
		timer.Reset(interval)
	}
}

// ask makes one check. It goes the way of calls: the same connections, and so the same
// egress rule and certificates; redirects are an answer and are not followed.
func (l *line) ask(ctx context.Context, t *target) error {
	settings := &l.settings.Tuning.HealthCheck
	ctx, cancel := context.WithTimeout(ctx, time.Duration(settings.Timeout))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.Scheme+"://"+t.Host+settings.Path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "gatehouse-health")
	res, err := t.pool.RoundTrip(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.CopyN(io.Discard, res.Body, maxDiscard); err != nil && err != io.EOF {
		return err
	}
	if res.StatusCode < 200 || res.StatusCode >= 400 {
		return statusError(res.StatusCode)
	}
	return nil
}
