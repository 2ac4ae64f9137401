package gateway

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Level is what calls are counted for.
type Level uint8

// The levels, in the order in which their refusals are promised.
const (
	ResourceLevel     Level = iota // the calls of one resource by everybody
	ApplicationLevel               // the calls of one application, with all its tokens and of all APIs
	SubscriptionLevel              // the calls of one API by one application
	levels            = iota
)

// Subject is whose calls are counted. It is made of what was found, never of what was
// sent, so no spelling of a path and no other token leads to another subject.
type Subject struct {
	Level            Level
	ID               string // of the API, the application or the subscription
	Method, Template string // of the resource
}

// Limit is how many calls a subject may have in a minute.
type Limit struct {
	Subject
	PerMinute int64 // 0 means no limit
}

// Limits are all that a call counts against, by level.
type Limits [levels]Limit

// Quota is what the limits of a call leave of the running minute.
type Quota struct {
	Full      bool  // a limit is used up; the call was not counted
	Level     Level // of the limit that leaves the fewest calls
	Limit     int64 // of that level, 0 when the call has no limit
	Remaining int64
	Next      int64 // when the next minute begins, in Unix seconds
	Wait      int64 // seconds until then, 1 to 60
}

// within finds the limits and counts the call. It is the last check, so whatever is let
// through is counted and nothing else is. A call that has no limits is not counted.
func (d *Decision) within(f Facts) bool {
	d.Stage = StageTiers
	limited := d.limit(ResourceLevel, d.API.ID, gatehouse.PerMinute(gatehouse.ResourceTiers, d.Resource.Tier))
	if limited {
		l := &d.Limits[ResourceLevel]
		l.Method, l.Template = d.Resource.Method, d.Resource.Template
	}
	if d.Client != nil {
		a := &d.Client.Application
		limited = d.limit(ApplicationLevel, a.ID, gatehouse.PerMinute(gatehouse.ApplicationTiers, a.Tier)) || limited
	}
	if s := d.Subscription; s != nil {
		limited = d.limit(SubscriptionLevel, s.ID, gatehouse.PerMinute(gatehouse.SubscriptionTiers, s.Tier)) || limited
	}
	if !limited {
		return true
	}
	d.Quota = f.Count(d.Limits)
	return !d.Quota.Full || d.refuse(overLimit[d.Quota.Level])
}

// limit notes the limit of a level, and reports whether there is one.
func (d *Decision) limit(level Level, id string, perMinute int64) bool {
	if perMinute > 0 {
		d.Limits[level] = Limit{Subject{Level: level, ID: id}, perMinute}
	}
	return perMinute > 0
}

// head tells the caller what is left, in the fields of draft-ietf-httpapi-ratelimit-headers-06
// with the rest of the minute in seconds, in the place of whatever the backend says of
// limits of its own. It says nothing when the call has no limit.
func (q *Quota) head(h http.Header) {
	if q.Limit == 0 {
		return
	}
	values := []string{strconv.FormatInt(q.Limit, 10), strconv.FormatInt(q.Remaining, 10), strconv.FormatInt(q.Wait, 10)}
	h["Ratelimit-Limit"] = values[0:1:1]
	h["Ratelimit-Remaining"] = values[1:2:2]
	h["Ratelimit-Reset"] = values[2:3:3]
}

// tell returns a refusal's body with the time from which calls are let through again,
// written as clients of the platform know it.
func (q *Quota) tell(body []byte) []byte {
	next := time.Unix(q.Next, 0).UTC().Format("2006-Jan-02 15:04:05-0700 MST")
	told := make([]byte, 0, len(body)+64)
	told = append(told, body[:len(body)-len("}\n")]...)
	return append(told, `,"nextAccessTime":"`+next+`"}`+"\n"...)
}
