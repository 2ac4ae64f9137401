package gatehouse

import "time"

// Duration is a span of time in settings that are written as text, like 1m30s.
type Duration time.Duration

// MarshalText writes d as it is read.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a number with a unit: ms, s, m or h.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return Errorf(Invalid, "%q is no duration: write a number and a unit, like 500ms, 30s or 2m", text)
	}
	*d = Duration(parsed)
	return nil
}
