package db

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// AddUsage counts usage up in the stretches of every unit, in one transaction. Usage of an
// organization that is gone is left out.
func (db *DB) AddUsage(ctx context.Context, used []gatehouse.Usage) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		known := map[string]bool{}
		for _, span := range gatehouse.UsageSpans {
			for _, u := range inSpan(used, span) {
				ok, asked := known[u.OrgID]
				if !asked {
					_, err := t.OrganizationByID(ctx, u.OrgID)
					if ok = err == nil; err != nil && gatehouse.KindOf(db.explain(err, "organization")) != gatehouse.NotFound {
						return err
					}
					known[u.OrgID] = ok
				}
				if !ok {
					continue
				}
				if err := t.addUsage(ctx, span.Unit, u); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return db.explain(err, "usage")
}

// inSpan sums usage up by the stretches of a unit.
func inSpan(used []gatehouse.Usage, span gatehouse.UsageSpan) map[gatehouse.UsageKey]*gatehouse.Usage {
	sums := map[gatehouse.UsageKey]*gatehouse.Usage{}
	for i := range used {
		key := used[i].UsageKey
		key.At = key.At.Truncate(span.Length)
		if span.Unit != gatehouse.UsageMinute {
			key.UserID = ""
		}
		if sums[key] == nil {
			sums[key] = &gatehouse.Usage{UsageKey: key}
		}
		sums[key].Add(&used[i])
	}
	return sums
}

func (t *tx) addUsage(ctx context.Context, unit gatehouse.UsageUnit, u *gatehouse.Usage) error {
	l := &u.Latency
	return t.AddUsage(ctx, query.AddUsageParams{
		Unit: string(unit), At: micros(u.At), OrgID: u.OrgID, APIID: u.APIID, ApplicationID: u.ApplicationID, UserID: u.UserID,
		Method: u.Method, Template: u.Template, Class: u.Class, Code: u.Code, Calls: u.Calls, Took: u.Took.Microseconds(),
		L0: l[0], L1: l[1], L2: l[2], L3: l[3], L4: l[4], L5: l[5], L6: l[6], L7: l[7], L8: l[8], L9: l[9], L10: l[10], L11: l[11], L12: l[12], L13: l[13],
	})
}

// PurgeUsage removes stretches that have been kept for as long as their unit says.
func (db *DB) PurgeUsage(ctx context.Context) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		for _, span := range gatehouse.UsageSpans {
			if _, err := t.PurgeUsage(ctx, query.PurgeUsageParams{Unit: string(span.Unit), At: micros(db.Now().Add(-span.Kept))}); err != nil {
				return err
			}
		}
		return nil
	})
	return db.explain(err, "usage")
}

// usageColumns are the columns behind gatehouse.UsageColumns.
var usageColumns = map[string][]string{
	"time": {"at"}, "api": {"api_id"}, "application": {"application_id"}, "user": {"user_id"}, "resource": {"method", "template"}, "class": {"class"}, "code": {"code"},
}

// Usage returns usage of an organization's APIs: of one API or by one application, when
// these are named. It is Invalid when the answer would be longer than
// gatehouse.MaxUsageRows.
func (db *DB) Usage(ctx context.Context, orgID, apiID, applicationID string, q gatehouse.UsageQuery) ([]gatehouse.Usage, error) {
	var by []string
	for _, name := range q.By {
		by = append(by, usageColumns[name]...) // Validate let no other names pass
	}
	sums := make([]string, len(gatehouse.Latency{}))
	for i := range sums {
		sums[i] = fmt.Sprintf("CAST(SUM(l%d) AS BIGINT)", i)
	}
	text := "SELECT " + strings.Join(append(append(by[:len(by):len(by)], "CAST(SUM(calls) AS BIGINT)", "CAST(SUM(took) AS BIGINT)"), sums...), ", ") +
		" FROM usage WHERE unit = $1 AND at >= $2 AND at < $3 AND org_id = $4 AND ($5 = '' OR api_id = $5) AND ($6 = '' OR application_id = $6)"
	if len(by) > 0 {
		list := strings.Join(by, ", ")
		text += " GROUP BY " + list + " ORDER BY " + list
	} else {
		text += " HAVING COUNT(*) > 0"
	}
	text += fmt.Sprintf(" LIMIT %d", gatehouse.MaxUsageRows+1)
	rows, err := db.read.QueryContext(ctx, text, string(q.Unit), micros(q.From), micros(q.To), orgID, apiID, applicationID)
	if err != nil {
		return nil, db.explain(err, "usage")
	}
	used, err := scanUsage(rows, by)
	if len(used) > gatehouse.MaxUsageRows {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the answer would have more than %d rows: ask for a shorter time, a longer unit, or tell less apart", gatehouse.MaxUsageRows)
	}
	return used, db.explain(err, "usage")
}

// scanUsage reads rows that begin with the columns by.
func scanUsage(rows *sql.Rows, by []string) ([]gatehouse.Usage, error) {
	defer rows.Close()
	var used []gatehouse.Usage
	for rows.Next() {
		var u gatehouse.Usage
		var at, took int64
		into := map[string]any{
			"at": &at, "api_id": &u.APIID, "application_id": &u.ApplicationID, "user_id": &u.UserID,
			"method": &u.Method, "template": &u.Template, "class": &u.Class, "code": &u.Code,
		}
		var targets []any
		for _, column := range by {
			targets = append(targets, into[column])
		}
		targets = append(targets, &u.Calls, &took)
		for i := range u.Latency {
			targets = append(targets, &u.Latency[i])
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		u.At, u.Took = moment(at), time.Duration(took)*time.Microsecond
		used = append(used, u)
	}
	return used, rows.Err()
}
