package rest

import (
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// usageInfo is how often something was called. Fields that the question did not tell apart
// are left out.
type usageInfo struct {
	At            string  `json:"at,omitempty"`
	APIID         string  `json:"apiId,omitempty"`
	ApplicationID string  `json:"applicationId,omitempty"`
	UserID        string  `json:"userId,omitempty"`
	Resource      string  `json:"resource,omitempty"` // method and path template
	Class         string  `json:"class,omitempty"`    // of the status, like 2xx
	Code          string  `json:"code,omitempty"`     // of the gateway's refusal
	Calls         int64   `json:"calls"`
	Mean          float64 `json:"meanMilliseconds"`
	P50           float64 `json:"p50Milliseconds"` // upper ends of the classes that the quantiles fall in
	P99           float64 `json:"p99Milliseconds"`
}

func newUsageInfo(u gatehouse.Usage) (usageInfo, error) {
	in := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	info := usageInfo{
		APIID: u.APIID, ApplicationID: u.ApplicationID, UserID: u.UserID, Resource: strings.TrimSpace(u.Method + " " + u.Template),
		Class: u.Class, Code: u.Code, Calls: u.Calls, P50: in(u.Latency.Quantile(0.5)), P99: in(u.Latency.Quantile(0.99)),
	}
	if u.Calls > 0 {
		info.Mean = in(u.Took) / float64(u.Calls)
	}
	if !u.At.IsZero() {
		info.At = u.At.Format(time.RFC3339)
	}
	return info, nil
}

// usageQuery reads unit, from, to (RFC 3339) and by, a list with commas.
func (r *request) usageQuery() (gatehouse.UsageQuery, error) {
	asked := r.URL.Query()
	q := gatehouse.UsageQuery{Unit: gatehouse.UsageUnit(asked.Get("unit"))}
	for name, at := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		text := asked.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *at, err = time.Parse(time.RFC3339, text); err != nil {
			return q, gatehouse.Errorf(gatehouse.Invalid, "%s must be a time like 2026-11-25T12:00:00Z", name)
		}
	}
	if by := asked.Get("by"); by != "" {
		q.By = strings.Split(by, ",")
	}
	return q, nil
}

func (h *Handler) usageTo(r *request) (any, error) {
	q, err := r.usageQuery()
	if err != nil {
		return nil, err
	}
	used, err := h.Publisher.Usage(r.Context(), r.by, r.PathValue("apiId"), q)
	if err != nil {
		return nil, err
	}
	return page(r, used, newUsageInfo)
}

func (h *Handler) usageOf(r *request) (any, error) {
	q, err := r.usageQuery()
	if err != nil {
		return nil, err
	}
	used, err := h.Store.Usage(r.Context(), r.by, r.PathValue("applicationId"), q)
	if err != nil {
		return nil, err
	}
	return page(r, used, newUsageInfo)
}
