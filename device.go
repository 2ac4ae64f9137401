package gatehouse

import (
	"crypto/rand"
	"strings"
	"time"
)

// Limits of the device grant (RFC 8628).
const (
	DeviceLifetime = 10 * time.Minute
	DeviceInterval = 5 * time.Second // between two polls at first
	DeviceSlowDown = 5 * time.Second // added to it when a device polls too fast (section 3.5)
	// MaxWrongCodes is how many codes that are none somebody may enter in DeviceLifetime.
	MaxWrongCodes = 10
)

// DeviceState is what became of a device's request.
type DeviceState string

// The states.
const (
	DevicePending DeviceState = "pending"
	DeviceAllowed DeviceState = "allowed"
	DeviceDenied  DeviceState = "denied"
)

// DeviceCode is the request of a device without a keyboard to act for a user, who
// answers it in a browser (RFC 8628).
type DeviceCode struct {
	Hash        string // HashToken of the device code
	UserCode    string // HashToken of the code that the user enters
	ConsumerKey string
	Carries
	State     DeviceState
	UserID    string // who answered
	Interval  time.Duration
	PolledAt  time.Time
	ExpiresAt time.Time
}

// DevicePoll is what a poll with a device code comes to.
type DevicePoll uint8

// What may come of it.
const (
	DeviceForeign DevicePoll = iota // another client's code
	DeviceExpired
	DeviceWaits
	DeviceTooFast // and from now on it must wait longer
	DeviceRefused // the user said no
	DeviceGranted // the code is used up by it
)

// Poll says what a poll by a client at a moment comes to, and notes it in d.
func (d *DeviceCode) Poll(consumerKey string, now time.Time) DevicePoll {
	switch {
	case d.ConsumerKey != consumerKey:
		return DeviceForeign
	case !now.Before(d.ExpiresAt):
		return DeviceExpired
	case d.State == DeviceDenied:
		return DeviceRefused
	case d.State == DeviceAllowed:
		return DeviceGranted
	}
	early := !d.PolledAt.IsZero() && now.Sub(d.PolledAt) < d.Interval
	d.PolledAt = now
	if early {
		d.Interval += DeviceSlowDown
		return DeviceTooFast
	}
	return DeviceWaits
}

// Open reports whether a user may still answer d.
func (d *DeviceCode) Open(now time.Time) bool {
	return d.State == DevicePending && now.Before(d.ExpiresAt)
}

// userCodeLetters are easy to tell apart and make no words (RFC 8628, section 6.1).
const userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"

// userCodeLength gives 20^8 codes, 34 bits.
const userCodeLength = 8

// NewDeviceCode returns a device code: 256 bits.
func NewDeviceCode() string { return RandomText(43) }

// NewUserCode returns a code for a user to enter, of the form XXXX-XXXX.
func NewUserCode() string {
	code := make([]byte, 0, userCodeLength+1)
	var b [1]byte
	for len(code) <= userCodeLength {
		if len(code) == userCodeLength/2 {
			code = append(code, '-')
		}
		rand.Read(b[:])
		if b[0] < 240 { // the rest of a byte would favour the first letters
			code = append(code, userCodeLetters[int(b[0])%len(userCodeLetters)])
		}
	}
	return string(code)
}

// CanonicalUserCode returns a user code as NewUserCode wrote it, however it was typed,
// and false when it cannot be one.
func CanonicalUserCode(typed string) (string, bool) {
	if len(typed) > 4*userCodeLength {
		return "", false
	}
	letters := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	if len(letters) != userCodeLength || strings.Trim(letters, userCodeLetters) != "" {
		return "", false
	}
	return letters[:userCodeLength/2] + "-" + letters[userCodeLength/2:], true
}
