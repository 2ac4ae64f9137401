package gatehouse

import "time"

// Limit is how much is let through in each window of the clock: calls, or bytes of the
// bodies of requests and answers. The zero Limit limits nothing.
type Limit struct {
	Calls int64 `json:"calls,omitempty"`
	Bytes int64 `json:"bytes,omitempty"`
	Every int64 `json:"every,omitempty"` // how many units a window has
	Unit  Unit  `json:"unit,omitempty"`
}

// Unit is a unit of time.
type Unit string

// The units.
const (
	PerSecond Unit = "second"
	PerMinute Unit = "minute"
	PerHour   Unit = "hour"
	PerDay    Unit = "day"
	PerMonth  Unit = "month"
)

// Bounds of a limit.
const (
	MaxAmount = 1_000_000_000_000_000 // calls or bytes; numbers up to here are exact everywhere
	MaxEvery  = 1000
)

// None reports whether l limits nothing.
func (l Limit) None() bool { return l.Calls == 0 && l.Bytes == 0 }

// Validate checks the rules that a limit keeps.
func (l Limit) Validate() error {
	switch {
	case l.Calls != 0 && l.Bytes != 0:
		return Errorf(Invalid, "a limit is of calls or of bytes, not of both")
	case l.Calls < 0 || l.Bytes < 0 || l.Calls > MaxAmount || l.Bytes > MaxAmount:
		return Errorf(Invalid, "a limit lets 1 to %d calls or bytes through", int64(MaxAmount))
	case l.Every < 1 || l.Every > MaxEvery:
		return Errorf(Invalid, "a limit counts for 1 to %d units of time", MaxEvery)
	case l.Window() == Window{}:
		return Errorf(Invalid, "%q is no unit of time: use %s, %s, %s, %s or %s", l.Unit, PerSecond, PerMinute, PerHour, PerDay, PerMonth)
	}
	return nil
}

// Window is how long a limit counts: a number of seconds, or of months. Windows lie end to
// end from the beginning of 1970 on, in UTC, so that they begin when the clock shows full
// units: a minute's with second 0, a day's at midnight, a month's on the first.
type Window struct{ Seconds, Months int64 }

// Window returns the window of l, the zero Window when its unit is none.
func (l Limit) Window() Window {
	seconds := map[Unit]int64{PerSecond: 1, PerMinute: 60, PerHour: 3600, PerDay: 86400}[l.Unit]
	if l.Unit == PerMonth {
		return Window{Months: l.Every}
	}
	return Window{Seconds: seconds * l.Every}
}

// At returns when the window begins and ends that a moment is in, in Unix seconds. The end
// is the beginning of the next one.
func (w Window) At(unix int64) (begin, end int64) {
	if w.Months == 0 {
		begin = unix - unix%w.Seconds
		return begin, begin + w.Seconds
	}
	t := time.Unix(unix, 0).UTC()
	months := int64(t.Year()-1970)*12 + int64(t.Month()-time.January)
	first := int(months - months%w.Months)
	return monthBegins(first), monthBegins(first + int(w.Months))
}

// monthBegins returns when a month begins, by its number since January 1970.
func monthBegins(number int) int64 {
	return time.Date(1970, time.January+time.Month(number), 1, 0, 0, 0, 0, time.UTC).Unix()
}

// Count is something that all nodes count together.
type Count struct {
	Key     string
	Add     int64 // how much
	Most    int64 // when it has so much, nothing is added; 0 means no bound
	Seconds int64 // how long it is kept, from the first time that something is added
	Used    int64 // what it had before
}
